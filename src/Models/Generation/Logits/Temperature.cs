namespace Graft.Models;

/// <summary>Divides the logits.</summary>
/// <remarks>Transformers' TemperatureLogitsWarper.</remarks>
internal sealed class Temperature(float temperature) : LogitsProcessor
{
    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        foreach (ref float logit in logits)
            logit /= temperature;
    }
}
