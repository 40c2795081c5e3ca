using System.Collections.Concurrent;
using Graft.Training;

namespace Graft.Importers.Images;

/// <summary>Which pixels of a line make each pixel of the resized one, and their weights in fixed point, as Pillow has them.</summary>
internal sealed class ResizeTaps
{
    /// <summary>Bits behind the point: 8 bits of result, 2 of headroom for negative lobes.</summary>
    public const int Precision = 32 - 8 - 2;

    /// <summary>Bits of the lower half of a weight: either half fits into 16 bits with its sign, as a byte does.</summary>
    public const int LowerBits = 11;

    private const int MostKept = 256; // of photographs from many hands nearly each has a size of its own
    private const int LongestKept = 1 << 12; // those of longer lines take more memory, and are little work beside the decoding

    private static readonly ConcurrentDictionary<(int From, int To, ResizeFilter Filter), ResizeTaps> Kept = [];

    private readonly int[] _weights; // [to, Longest], rows ending in zeros
    private readonly int[] _counts;
    private readonly int _longest;
    private readonly int[] _pairs; // [to, Pairs, 2]

    /// <summary>Taps from one length to another.</summary>
    public ResizeTaps(int from, int to, ResizeFilter filter)
    {
        double scale = (double)from / to, stretch = Math.Max(1, scale);
        double support = stretch * filter switch { ResizeFilter.Bilinear => 1, ResizeFilter.Bicubic => 2, _ => 3 };
        int longest = Math.Min((int)(2 * support) + 2, from);
        (First, _counts, _weights, _longest) = (new int[to], new int[to], new int[to * longest], longest);
        Span<double> weights = longest <= 256 ? stackalloc double[256] : new double[longest]; // more: a photograph made a hundred times smaller
        for (int i = 0; i < to; i++)
        {
            double centre = (i + 0.5) * scale;
            int first = Math.Max(0, (int)(centre - support + 0.5)), end = Math.Min(from, (int)(centre + support + 0.5));
            (First[i], _counts[i]) = (first, end - first);
            double sum = 0;
            for (int j = 0; j < end - first; j++)
            {
                weights[j] = Weight(filter, (first + j - centre + 0.5) / stretch);
                sum += weights[j];
            }
            for (int j = 0; j < end - first; j++)
                _weights[i * longest + j] = (int)Math.Round(weights[j] / sum * (1 << Precision), MidpointRounding.AwayFromZero);
            Pairs = Math.Max(Pairs, (first % 2 + end - first + 1) / 2);
        }
        _pairs = new int[to * Pairs * 2];
        for (int i = 0; i < to; i++)
            Split(WeightsOf(i), First[i] % 2, _pairs.AsSpan(i * Pairs * 2, Pairs * 2));
    }

    /// <summary>Taps from one length to another; those of a few sizes are kept, as the photographs of a folder often share one.</summary>
    public static ResizeTaps Of(int from, int to, ResizeFilter filter)
    {
        if (Kept.TryGetValue((from, to, filter), out ResizeTaps? taps))
            return taps;
        taps = new ResizeTaps(from, to, filter);
        if (from > LongestKept)
            return taps;
        if (Kept.Count >= MostKept)
            Kept.Clear();
        return Kept[(from, to, filter)] = taps;
    }

    /// <summary>The first pixel of each.</summary>
    public int[] First { get; }

    /// <summary>Pairs of neighbouring pixels, from an even one on, that hold all that make one.</summary>
    public int Pairs { get; }

    /// <summary>
    /// For each pixel the weights of <see cref="Pairs"/> pairs, from the even pixel at or before <see cref="First"/> on, with zeros around a pixel's own: a loop of one length is foreseen by the
    /// processor, and may read beyond the line's end. A pair is two numbers, of the lower and of the upper halves, each with the second pixel's half in its upper 16 bits.
    /// </summary>
    public ReadOnlySpan<int> WeightPairs => _pairs;

    /// <summary>The weights of a pixel.</summary>
    public ReadOnlySpan<int> WeightsOf(int i) => _weights.AsSpan(i * _longest, _counts[i]);

    private static void Split(ReadOnlySpan<int> weights, int before, Span<int> pairs)
    {
        for (int j = 0; j < weights.Length; j++)
        {
            int at = before + j, shift = at % 2 * 16;
            pairs[at / 2 * 2] |= (weights[j] & ((1 << LowerBits) - 1)) << shift;
            pairs[at / 2 * 2 + 1] |= (ushort)(weights[j] >> LowerBits) << shift;
        }
    }

    private static double Weight(ResizeFilter filter, double x)
    {
        x = Math.Abs(x);
        const double A = -0.5;
        return filter switch
        {
            ResizeFilter.Bilinear => Math.Max(0, 1 - x),
            ResizeFilter.Bicubic => x < 1 ? ((A + 2) * x - (A + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0,
            _ => x < 3 ? Sinc(x) * Sinc(x / 3) : 0,
        };
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);
}
