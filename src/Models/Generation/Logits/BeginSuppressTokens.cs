namespace Graft.Models;

/// <summary>Forbids tokens at the first place that is free to choose.</summary>
/// <remarks>Transformers' SuppressTokensAtBeginLogitsProcessor.</remarks>
internal sealed class BeginSuppressTokens(IReadOnlyList<int> suppressed, int place) : LogitsProcessor
{
    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        if (generated != place)
            return;
        foreach (int token in suppressed)
            logits[token] = float.NegativeInfinity;
    }
}
