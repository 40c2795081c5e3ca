namespace Graft.Models;

/// <summary>Forbids the least probable tokens that together have at most 1 - p; the one that crosses p stays.</summary>
/// <remarks>Holtzman et al. 2019, arXiv:1904.09751, section 3.1; transformers' TopPLogitsWarper.</remarks>
internal sealed class TopP(float p, int leastKept, int vocabulary) : LogitsProcessor
{
    private readonly float[] _probabilities = new float[vocabulary];
    private readonly Nucleus _nucleus = new(vocabulary);

    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        LogProbabilities.Softmax(logits, _probabilities);
        _nucleus.Clear();
        for (int i = 0; i < logits.Length; i++)
        {
            if (!float.IsNegativeInfinity(logits[i]))
                _nucleus.Add(i, logits[i], _probabilities[i]);
        }
        foreach (int token in _nucleus.Split(1 - (double)p, _nucleus.Count - leastKept).Taken.Span)
            logits[token] = float.NegativeInfinity;
    }
}
