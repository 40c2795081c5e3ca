using System.Globalization;

namespace Graft.Importers.HuggingFace;

/// <summary>Splits text into the words that are merged one by one: GPT-2's pattern, by hand and by code points.</summary>
/// <remarks><para>The pattern is <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c> (encoder.py of GPT-2,
/// OpenAI 2019), as Python's regex module takes it. .NET's regular expressions see two surrogates in a letter such as U+10400, and would split
/// it from its neighbours.</para>
/// <para>Every character belongs to a word. Which code points are letters and numbers is what the Unicode tables of .NET say.</para></remarks>
internal ref struct WordScanner(ReadOnlySpan<char> text)
{
    private enum Kind : byte
    {
        Other, // [^\s\p{L}\p{N}]
        Letter, // \p{L}
        Number, // \p{N}
        Space, // \s
    }

    private static readonly Kind[] s_kinds = [.. Enumerable.Range(0, char.MaxValue + 1).Select(c => char.IsWhiteSpace((char)c) ? Kind.Space : Of(CharUnicodeInfo.GetUnicodeCategory((char)c)))];

    private readonly ReadOnlySpan<char> _text = text;
    private int _start, _end;

    /// <summary>The word found.</summary>
    public readonly ReadOnlySpan<char> Current => _text[_start.._end];

    /// <summary>Goes to the next word.</summary>
    public bool MoveNext()
    {
        _start = _end;
        if (_start == _text.Length)
            return false;
        _end = Contraction(_start);
        if (_end > _start)
            return true;
        bool space = _text[_start] == ' ';
        int run = space && _start + 1 < _text.Length ? _start + 1 : _start; // " ?": one space goes with what follows
        Kind kind = KindAt(run, out _);
        _end = kind == Kind.Space ? EndOfSpaces(_start) : EndOfRun(run, kind);
        return true;
    }

    // 's|'t|'re|'ve|'m|'ll|'d, in lower case and with U+0027 only.
    private readonly int Contraction(int at)
    {
        if (_text[at] != '\'' || at + 1 == _text.Length)
            return at;
        char first = _text[at + 1], second = at + 2 < _text.Length ? _text[at + 2] : '\0';
        return (first, second) switch
        {
            ('s' or 't' or 'm' or 'd', _) => at + 2,
            ('r' or 'v', 'e') or ('l', 'l') => at + 3,
            _ => at,
        };
    }

    private readonly int EndOfRun(int at, Kind kind)
    {
        while (at < _text.Length && KindAt(at, out int width) == kind)
            at += width;
        return at;
    }

    // \s+(?!\S)|\s+: the last space before a word is left to it, unless it is the only one.
    private readonly int EndOfSpaces(int at)
    {
        int end = EndOfRun(at, Kind.Space); // no space lies beyond U+FFFF
        return end == _text.Length || end == at + 1 ? end : end - 1;
    }

    private readonly Kind KindAt(int at, out int width)
    {
        char c = _text[at];
        if (char.IsHighSurrogate(c) && at + 1 < _text.Length && char.IsLowSurrogate(_text[at + 1]))
        {
            width = 2;
            return Of(CharUnicodeInfo.GetUnicodeCategory(char.ConvertToUtf32(c, _text[at + 1])));
        }
        width = 1;
        return s_kinds[c];
    }

    private static Kind Of(UnicodeCategory category) => category switch
    {
        <= UnicodeCategory.OtherLetter => Kind.Letter, // Lu, Ll, Lt, Lm, Lo are the first five
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
        _ => Kind.Other,
    };
}
