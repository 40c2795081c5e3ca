using Graft.Kernels;

namespace Graft.Tests.Models.Generation;

/// <summary>Logits from a hash of the last two tokens and their place: a small language without sense, the same on every machine.</summary>
internal sealed class HashModel(int vocabulary, int maxLength = 64, float spread = 4) : RecomputingModel(vocabulary, maxLength, hiddenSize: 0)
{
    public override void Compute(IReadOnlyList<int> tokens, Span<float> logits, Span<float> hidden)
    {
        uint last = (uint)tokens[^1], before = tokens.Count > 1 ? (uint)tokens[^2] : uint.MaxValue;
        for (int i = 0; i < logits.Length; i++)
            logits[i] = (Philox.Unit(Philox.Words((uint)i, last, before, (uint)tokens.Count, 17, 0).A) - 0.5f) * 2 * spread;
    }

    /// <summary>log p(tokens[from..] | tokens[..from]).</summary>
    public double LogProbability(IReadOnlyList<int> tokens, int from)
    {
        var logits = new float[VocabularySize];
        double sum = 0;
        for (int i = from; i < tokens.Count; i++)
        {
            Compute([.. tokens.Take(i)], logits, []);
            sum += logits[tokens[i]] - Math.Log(logits.Sum(x => Math.Exp(x)));
        }
        return sum;
    }
}
