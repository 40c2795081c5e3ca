using Graft.Training;

namespace Graft.Importers.Images;

/// <summary>Which pixels of a line make each pixel of the resized one, and their weights in fixed point, as Pillow has them.</summary>
internal sealed class ResizeTaps
{
    /// <summary>Bits behind the point: 8 bits of result, 2 of headroom for negative lobes.</summary>
    public const int Precision = 32 - 8 - 2;

    private const int Lanes = 4; // the bytes of a pixel

    private readonly int[] _weights; // [to, Longest], rows ending in zeros
    private readonly int[] _counts;

    /// <summary>Taps from one length to another.</summary>
    public ResizeTaps(int from, int to, ResizeFilter filter)
    {
        double scale = (double)from / to, stretch = Math.Max(1, scale);
        double support = stretch * filter switch { ResizeFilter.Bilinear => 1, ResizeFilter.Bicubic => 2, _ => 3 };
        int longest = ((int)(2 * support) + 2 + Lanes - 1) / Lanes * Lanes;
        (First, _counts, _weights, Longest) = (new int[to], new int[to], new int[to * longest], longest);
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
        }
    }

    /// <summary>The first pixel of each.</summary>
    public int[] First { get; }

    /// <summary>How many pixels make each.</summary>
    public ReadOnlySpan<int> Counts => _counts;

    /// <summary>Room for weights a pixel in <see cref="Repeated"/>: a multiple of four.</summary>
    public int Longest { get; }

    /// <summary>The weights of a pixel.</summary>
    public ReadOnlySpan<int> WeightsOf(int i) => _weights.AsSpan(i * Longest, _counts[i]);

    /// <summary>All weights, each as often as a pixel has bytes; zeros stand behind those of a pixel up to <see cref="Longest"/>.</summary>
    public int[] Repeated()
    {
        int[] repeated = GC.AllocateUninitializedArray<int>(_weights.Length * Lanes);
        for (int i = 0; i < _weights.Length; i++)
            repeated.AsSpan(i * Lanes, Lanes).Fill(_weights[i]);
        return repeated;
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
