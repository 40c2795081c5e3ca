namespace Graft.Importers.Text;

/// <summary>The ids of documents, one behind the other; where there are several, each ends in the end-of-text token.</summary>
public sealed class TokenizedText
{
    private readonly int[] _starts;

    private TokenizedText(int[] tokens, int[] starts, string name)
    {
        Tokens = tokens;
        _starts = starts;
        Name = name;
    }

    /// <summary>The ids.</summary>
    public IReadOnlyList<int> Tokens { get; }

    /// <summary>Number of documents.</summary>
    public int Documents => _starts.Length;

    /// <summary>What it is, for messages.</summary>
    public string Name { get; }

    /// <summary>Encodes documents.</summary>
    /// <param name="documents">One or more texts.</param>
    /// <param name="tokenizer">Gives the ids.</param>
    /// <param name="name">What they are, for messages.</param>
    /// <exception cref="GraftException">There are several documents and no token to end them, or the tokenizer has no token for a part.</exception>
    public static TokenizedText Of(IReadOnlyList<string> documents, ITokenizer tokenizer, string name = "The text")
    {
        if (documents.Count > 1 && tokenizer.EosToken is null)
            throw new GraftException($"{name}: has {documents.Count} documents, but the vocabulary of {tokenizer.Source} has no end-of-text token to put between them. Put all of them into one text, or take another tokenizer.");
        var tokens = new List<int>();
        var starts = new int[documents.Count];
        for (int i = 0; i < documents.Count; i++)
        {
            starts[i] = tokens.Count;
            tokens.AddRange(tokenizer.Encode(documents[i]));
            if (documents.Count > 1)
                tokens.Add(tokenizer.EosToken!.Value);
        }
        return new TokenizedText([.. tokens], starts, name);
    }

    /// <summary>Holds back the end for validation: whole documents, or of a single document the last tokens.</summary>
    /// <param name="validationShare">Share of the tokens, above 0 and below 1; with documents, the boundary that is nearest to it.</param>
    public (TokenizedText Training, TokenizedText Validation) Split(double validationShare)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(validationShare, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(validationShare, 1);
        int cut = (int)Math.Round(Tokens.Count * (1 - validationShare));
        if (_starts.Length > 1)
            cut = _starts[1..].MinBy(s => Math.Abs(s - cut));
        return (Part(0, cut, "the part to train on"), Part(cut, Tokens.Count, "the part to validate on"));
    }

    private TokenizedText Part(int from, int to, string what) => new([.. Tokens.Skip(from).Take(to - from)],
        _starts.Length == 1 ? [0] : [.. _starts.Where(s => s >= from && s < to).Select(s => s - from)], $"{Name} ({what})");
}
