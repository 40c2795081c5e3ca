namespace Graft.Models;

/// <summary>Sequences that grow: prompts as they were given, and what was generated.</summary>
internal sealed class TokenRows
{
    private readonly int[] _promptLengths;
    private int[][] _rows, _spare;
    private int[] _lengths, _spareLengths;

    /// <summary>Every prompt <paramref name="copies"/> times, with room to grow.</summary>
    public TokenRows(PromptBatch prompts, int copies, GenerationLengths lengths)
    {
        int count = prompts.Count * copies;
        int[][] Room() => [.. Enumerable.Range(0, count).Select(_ => new int[lengths.Total])];
        (_rows, _spare) = (Room(), Room());
        (_lengths, _spareLengths, _promptLengths) = (new int[count], new int[count], new int[count]);
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<int> prompt = prompts.Row(i / copies);
            prompt.CopyTo(_rows[i]);
            _lengths[i] = _promptLengths[i] = prompt.Length;
        }
    }

    /// <summary>A sequence.</summary>
    public ReadOnlySpan<int> this[int row] => _rows[row].AsSpan(0, _lengths[row]);

    /// <summary>What was generated of a sequence.</summary>
    public ReadOnlySpan<int> Generated(int row) => this[row][_promptLengths[row]..];

    /// <summary>A sequence grows by a token.</summary>
    public void Append(int row, int token) => _rows[row][_lengths[row]++] = token;

    /// <summary>Row i becomes what row parents[i] was; rows of one prompt only are exchanged.</summary>
    public void Reorder(ReadOnlySpan<int> parents)
    {
        for (int i = 0; i < parents.Length; i++)
        {
            this[parents[i]].CopyTo(_spare[i]);
            _spareLengths[i] = _lengths[parents[i]];
        }
        (_rows, _spare) = (_spare, _rows);
        (_lengths, _spareLengths) = (_spareLengths, _lengths);
    }
}
