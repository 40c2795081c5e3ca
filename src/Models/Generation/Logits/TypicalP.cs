namespace Graft.Models;

/// <summary>Leaves the tokens whose information is nearest to the entropy, as many as have the given probability together.</summary>
/// <remarks>Meister et al. 2022, arXiv:2202.00666, section 5; transformers' TypicalLogitsWarper.</remarks>
internal sealed class TypicalP(float mass, int leastKept, int vocabulary) : LogitsProcessor
{
    private readonly float[] _probabilities = new float[vocabulary];
    private readonly Nucleus _nucleus = new(vocabulary);

    public override void Apply(ReadOnlySpan<int> tokens, int generated, Span<float> logits)
    {
        LogProbabilities.Softmax(logits, _probabilities);
        double shift = LogProbabilities.LogSumExp(logits), entropy = LogProbabilities.Entropy(_probabilities);
        _nucleus.Clear();
        for (int i = 0; i < logits.Length; i++)
        {
            if (!float.IsNegativeInfinity(logits[i]))
                _nucleus.Add(i, (float)Math.Abs(shift - logits[i] - entropy), _probabilities[i]);
        }
        float farthest = Nearest(_nucleus.Split(Math.BitDecrement((double)mass), _nucleus.Count - 1).Left.Span); // the one that reaches the mass
        if (leastKept > 1)
            farthest = Math.Max(farthest, Nearest(_nucleus.Split(double.PositiveInfinity, Math.Min(leastKept, _nucleus.Count) - 1).Left.Span));
        for (int i = 0; i < logits.Length; i++)
        {
            if (!float.IsNegativeInfinity(logits[i]) && _nucleus.Key(i) > farthest)
                logits[i] = float.NegativeInfinity;
        }
    }

    private float Nearest(ReadOnlySpan<int> tokens)
    {
        float nearest = float.PositiveInfinity;
        foreach (int token in tokens)
            nearest = Math.Min(nearest, _nucleus.Key(token));
        return nearest;
    }
}
