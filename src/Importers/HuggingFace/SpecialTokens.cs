using System.Buffers;
using System.Globalization;

namespace Graft.Importers.HuggingFace;

/// <summary>A token that is found in a text as it stands, before the text is split into words.</summary>
/// <param name="Content">Its text.</param>
/// <param name="Id">Its id.</param>
/// <param name="IsSpecial">True for what skipSpecialTokens leaves out: end of text, padding, and so on.</param>
/// <param name="StripsLeft">True if it takes the white space before it.</param>
/// <param name="StripsRight">True if it takes the white space behind it.</param>
/// <param name="IsSingleWord">True if it is not found inside a word.</param>
public sealed record AddedToken(string Content, int Id, bool IsSpecial = true, bool StripsLeft = false, bool StripsRight = false, bool IsSingleWord = false);

/// <summary>Finds special and added tokens in a text: the first, and where several begin there, the longest.</summary>
internal sealed class SpecialTokens
{
    /// <summary>GPT-2's only special token: ends a document, and stands for beginning, end and unknown.</summary>
    public const string EndOfText = "<|endoftext|>";

    private readonly AddedToken[] _longestFirst;
    private readonly Dictionary<int, AddedToken> _byId;
    private readonly SearchValues<string> _contents;

    /// <summary>A finder of these tokens.</summary>
    public SpecialTokens(IEnumerable<AddedToken> tokens)
    {
        _longestFirst = [.. tokens.OrderByDescending(t => t.Content.Length)];
        _byId = _longestFirst.ToDictionary(t => t.Id);
        _contents = SearchValues.Create([.. _longestFirst.Select(t => t.Content)], StringComparison.Ordinal);
    }

    /// <summary>All of them, by id.</summary>
    public IEnumerable<AddedToken> All => _longestFirst.OrderBy(t => t.Id);

    /// <summary>True if skipSpecialTokens leaves this id out.</summary>
    public bool IsSpecial(int id) => _byId.TryGetValue(id, out AddedToken? token) && token.IsSpecial;

    /// <summary>The first token from <paramref name="from"/> on, and where it begins; null if there is none.</summary>
    public AddedToken? Find(ReadOnlySpan<char> text, int from, out int at)
    {
        for (at = from; at < text.Length; at++)
        {
            int offset = text[at..].IndexOfAny(_contents);
            if (offset < 0)
                break;
            at += offset;
            foreach (AddedToken token in _longestFirst)
            {
                if (text[at..].StartsWith(token.Content, StringComparison.Ordinal) && !(token.IsSingleWord && IsInWord(text, at, at + token.Content.Length)))
                    return token;
            }
        }
        at = text.Length;
        return null;
    }

    /// <summary>The part of a text between two tokens, without the white space that they take.</summary>
    public static ReadOnlySpan<char> Between(ReadOnlySpan<char> part, AddedToken? before, AddedToken? after)
    {
        if (before is { StripsRight: true })
        {
            while (part.Length > 0 && IsPythonSpace(part[0]))
                part = part[1..];
        }
        if (after is { StripsLeft: true })
        {
            while (part.Length > 0 && IsPythonSpace(part[^1]))
                part = part[..^1];
        }
        return part;
    }

    private static bool IsPythonSpace(char c) => char.IsWhiteSpace(c) || c is >= '\u001C' and <= '\u001F'; // what str.strip takes

    private static bool IsInWord(ReadOnlySpan<char> text, int begin, int end) => (begin > 0 && IsWordCharacter(text[begin - 1])) || (end < text.Length && IsWordCharacter(text[end]));

    private static bool IsWordCharacter(char c) => char.IsLetterOrDigit(c) || c == '_' || char.GetUnicodeCategory(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;
}
