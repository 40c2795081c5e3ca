using Graft.Models;

namespace Graft.Tests.Models.Generation;

/// <summary>Text of tokens: token 0 is 'a', 1 is 'b'; from 26 on a token is the first half of the letter pair that the next completes.</summary>
internal sealed class LetterText : ITokenText
{
    private string _held = "";

    public string Append(int token)
    {
        if (token >= 26)
        {
            _held += (char)('A' + token % 26);
            return "";
        }
        string text = _held + (char)('a' + token);
        _held = "";
        return text;
    }

    public string Finish() => _held;

    public static string Of(IEnumerable<int> tokens)
    {
        var text = new LetterText();
        return string.Concat(tokens.Select(text.Append)) + text.Finish();
    }
}
