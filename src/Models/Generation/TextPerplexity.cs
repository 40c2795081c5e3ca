namespace Graft.Models;

/// <summary>How well a language model foretells a text in the way it generates: through sessions, with weights in the precision that they are stored in.</summary>
public static class TextPerplexity
{
    private const int MostSequences = 256; // blocks side by side: rows of one pass

    /// <summary>e to the mean of -log p over all tokens but the first, in blocks as training has them: block i reads tokens iT to iT + T - 1 and foretells the next of each.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokens">The text, two tokens or more.</param>
    /// <param name="length">T, at most what the model takes; the last block may be shorter.</param>
    /// <param name="cancellationToken">Ends it between two tokens.</param>
    /// <exception cref="GraftException">There are not two tokens, the model takes no blocks of that length, or a token is not in its vocabulary.</exception>
    public static double Of(ICausalModel model, IReadOnlyList<int> tokens, int length, CancellationToken cancellationToken = default)
    {
        if (tokens.Count < 2)
            throw new GraftException($"TextPerplexity: {tokens.Count} token(s); the first foretells the second, so that two or more are due.");
        if (length < 1 || length > model.MaxLength)
            throw new GraftException($"TextPerplexity: blocks of {length} tokens; this model takes 1 to {model.MaxLength}.");
        int labels = tokens.Count - 1, whole = labels / length;
        double sum = 0;
        for (int first = 0; first < whole; first += MostSequences)
            sum += Of(model, tokens, [.. Enumerable.Range(first, Math.Min(MostSequences, whole - first)).Select(b => b * length)], length, cancellationToken);
        if (labels > whole * length)
            sum += Of(model, tokens, [whole * length], labels - whole * length, cancellationToken);
        return Math.Exp(sum / labels);
    }

    // -log p, summed over blocks that begin at some places, read side by side.
    private static double Of(ICausalModel model, IReadOnlyList<int> tokens, int[] starts, int length, CancellationToken cancellationToken)
    {
        using CausalSession session = model.Open(starts.Length, length);
        var logits = new float[starts.Length * model.VocabularySize];
        double sum = 0;
        for (int t = 0; t < length; t++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int place = t;
            session.Read(Array.ConvertAll(starts, s => new[] { tokens[s + place] }), logits);
            for (int i = 0; i < starts.Length; i++)
                sum += Surprise(logits.AsSpan(i * model.VocabularySize, model.VocabularySize), tokens[starts[i] + t + 1]);
        }
        return sum;
    }

    // log(sum of e^x) - x[token]
    private static double Surprise(ReadOnlySpan<float> logits, int token)
    {
        if ((uint)token >= (uint)logits.Length)
            throw new GraftException($"TextPerplexity: token {token} is not in the model's vocabulary of {logits.Length}. Encode the text with the tokenizer of this model.");
        double largest = double.NegativeInfinity, sum = 0;
        foreach (float x in logits)
            largest = Math.Max(largest, x);
        foreach (float x in logits)
            sum += Math.Exp(x - largest);
        return Math.Log(sum) + largest - logits[token];
    }
}
