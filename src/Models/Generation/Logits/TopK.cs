namespace Graft.Models;

/// <summary>Leaves the k greatest logits and those equal to the last of them.</summary>
/// <remarks>Transformers' TopKLogitsWarper.</remarks>
internal sealed class TopK(int k, int leastKept, int vocabulary) : LogitsProcessor
{
    private readonly TopSelection _top = new(Math.Min(Math.Max(k, leastKept), vocabulary));

    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        _top.Clear();
        _top.Offer(logits, add: 0, firstIndex: 0);
        float last = (float)_top.Threshold;
        foreach (ref float logit in logits)
        {
            if (logit < last)
                logit = float.NegativeInfinity;
        }
    }
}
