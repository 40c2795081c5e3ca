namespace Graft.Models;

/// <summary>A text of a <see cref="ContinuousBatch"/>.</summary>
public sealed class ContinuedText
{
    internal ContinuedText(TokenDecoding decoding) => Decoding = decoding;

    /// <summary>Tokens that it was given.</summary>
    public int Count { get; private set; }

    /// <summary>The last of them.</summary>
    public int LastToken { get; private set; } = -1;

    /// <summary>True behind the last token, or where there is an <see cref="Error"/>.</summary>
    public bool IsDone => Error is not null || Decoding.IsDone;

    /// <summary>Why it cannot be continued, or null.</summary>
    public Exception? Error { get; private set; }

    internal TokenDecoding Decoding { get; }

    internal void Grow(Exception? fault)
    {
        Error = fault;
        if (fault is not null)
            return;
        Count++;
        LastToken = Decoding.LastToken(row: 0);
    }
}
