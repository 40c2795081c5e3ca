namespace Graft.Models;

/// <summary>Makes logits log-probabilities again.</summary>
/// <remarks>Transformers' LogitNormalization.</remarks>
internal sealed class LogitNormalization : LogitsProcessor
{
    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits) => LogProbabilities.Normalize(logits);
}
