namespace Graft.Models;

/// <summary>Forbids tokens less probable than epsilon or, for eta sampling, than the lesser of epsilon and sqrt(epsilon) * exp(-entropy).</summary>
/// <remarks>Hewitt et al. 2022, arXiv:2210.15191, section 3; transformers' EpsilonLogitsWarper and EtaLogitsWarper.</remarks>
internal sealed class ProbabilityCutoff(float epsilon, bool byEntropy, int leastKept, int vocabulary) : LogitsProcessor
{
    private readonly float[] _probabilities = new float[vocabulary];
    private readonly TopSelection _top = new(Math.Min(leastKept, vocabulary));

    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        LogProbabilities.Softmax(logits, _probabilities);
        double cutoff = byEntropy ? Math.Min(epsilon, Math.Sqrt(epsilon) * Math.Exp(-LogProbabilities.Entropy(_probabilities))) : epsilon;
        _top.Clear();
        _top.Offer(logits, add: 0, firstIndex: 0);
        double kept = _top.Threshold;
        for (int i = 0; i < logits.Length; i++)
        {
            if (_probabilities[i] < cutoff && logits[i] < kept)
                logits[i] = float.NegativeInfinity;
        }
    }
}
