namespace Graft.Models;

/// <summary>Forbids tokens everywhere.</summary>
/// <remarks>Transformers' SuppressTokensLogitsProcessor.</remarks>
internal sealed class SuppressTokens(IReadOnlyList<int> suppressed) : LogitsProcessor
{
    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        foreach (int token in suppressed)
            logits[token] = float.NegativeInfinity;
    }
}
