namespace Graft.Models;

/// <summary>Forbids the end of a text until enough tokens are generated.</summary>
/// <remarks>Transformers' MinLengthLogitsProcessor and MinNewTokensLengthLogitsProcessor.</remarks>
internal sealed class MinNewTokens(int least, IReadOnlyList<int> endOfText) : LogitsProcessor
{
    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        if (generated >= least)
            return;
        foreach (int token in endOfText)
            logits[token] = float.NegativeInfinity;
    }
}
