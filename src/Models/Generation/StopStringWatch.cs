using System.Text;

namespace Graft.Models;

/// <summary>Looks for stop strings in the text of a sequence as its tokens come.</summary>
internal sealed class StopStringWatch(IReadOnlyList<string> stopStrings, ITokenText text)
{
    private readonly int _longest = stopStrings.Max(s => s.Length);
    private readonly StringBuilder _tail = new();

    /// <summary>Takes the next token; true if it completes a stop string.</summary>
    public bool Completes(int token)
    {
        int before = Math.Min(_tail.Length, _longest - 1); // what a stop string can have before this token
        _tail.Remove(0, _tail.Length - before).Append(text.Append(token));
        string tail = _tail.ToString();
        return stopStrings.Any(s => tail.Contains(s, StringComparison.Ordinal));
    }
}
