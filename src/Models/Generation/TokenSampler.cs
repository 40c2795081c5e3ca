using Graft.Kernels;

namespace Graft.Models;

/// <summary>Draws tokens by their probability. A draw depends on seed, row and step alone, so that runs repeat on every machine.</summary>
internal sealed class TokenSampler(int seed, int vocabulary)
{
    private readonly float[] _weights = new float[vocabulary];

    /// <summary>One token, by inversion of the cumulative distribution.</summary>
    /// <exception cref="GraftException">No token is left, or a logit is not a number.</exception>
    public int Draw(ReadOnlySpan<float> logits, int row, int step)
    {
        double total = LogProbabilities.Exponentials(logits, _weights);
        (uint a, uint b, _, _) = Philox.Block(RandomSeed.Of(seed, row, step), 0);
        double left = ((ulong)a << 21 ^ b >> 11) * (1.0 / (1L << 53)) * total; // 53 bits in 0 to 1: tails of a large vocabulary are thin
        int last = 0;
        for (int i = 0; i < _weights.Length; i++)
        {
            if (_weights[i] <= 0)
                continue;
            last = i;
            left -= _weights[i];
            if (left < 0)
                break;
        }
        return last; // where rounding leaves a rest, the last token that has a probability
    }

    /// <summary>
    /// Adds Gumbel noise: the k greatest sums are k tokens drawn without putting back, each by the softmax of what was left. Kool et al. 2019,
    /// arXiv:1903.06059, section 2.3.
    /// </summary>
    public static double Perturbed(double score, ulong stream, int index)
    {
        (uint word, _, _, _) = Philox.Block(stream, index);
        double uniform = (word + 0.5) * (1.0 / (1L << 32)); // never 0 nor 1
        return score - Math.Log(-Math.Log(uniform));
    }
}
