namespace Graft.Models;

/// <summary>Forbids the last token of a run of tokens where the rest of the run stands before it.</summary>
/// <remarks>Transformers' NoBadWordsLogitsProcessor; a single token that ends a text is exempt, as there.</remarks>
internal sealed class BadWords(IReadOnlyList<int[]> words, IReadOnlyList<int> endOfText) : LogitsProcessor
{
    private readonly int[][] _words = [.. words.Where(w => w.Length > 1 || !endOfText.Contains(w[0]))];

    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        foreach (int[] word in _words)
        {
            if (tokens.EndsWith(word.AsSpan(0, word.Length - 1)))
                logits[word[^1]] = float.NegativeInfinity;
        }
    }
}
