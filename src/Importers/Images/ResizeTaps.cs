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
    private readonly int _longest, _from;

    /// <summary>Taps from one length to another.</summary>
    public ResizeTaps(int from, int to, ResizeFilter filter)
    {
        double scale = (double)from / to, stretch = Math.Max(1, scale);
        double support = stretch * filter switch { ResizeFilter.Bilinear => 1, ResizeFilter.Bicubic => 2, _ => 3 };
        int longest = Math.Min((int)(2 * support) + 2, from);
        (First, _counts, _weights, _longest, _from) = (new int[to], new int[to], new int[to * longest], longest, from);
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

    /// <summary>The weights of a pixel.</summary>
    public ReadOnlySpan<int> WeightsOf(int i) => _weights.AsSpan(i * _longest, _counts[i]);

    /// <summary>The same for vectors over colours.</summary>
    public VectorTaps ForVectors()
    {
        int count = (_longest + Lanes - 1) / Lanes * Lanes, last = Math.Max(0, _from - count);
        var taps = new VectorTaps(new int[First.Length], new int[First.Length * count * Lanes], count);
        for (int i = 0; i < First.Length; i++)
        {
            int first = Math.Min(First[i], last); // begins earlier rather than to run over the end of the line
            taps.First[i] = first;
            for (int t = 0; t < _counts[i]; t++)
                taps.Weights.AsSpan((i * count + First[i] - first + t) * Lanes, Lanes).Fill(_weights[i * _longest + t]);
        }
        return taps;
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

/// <summary>Taps of which each pixel has equally many: zeros stand before and behind the weights, and each weight as often as a pixel has bytes.</summary>
/// <param name="First">The first pixel of each.</param>
/// <param name="Weights">[to, Count, 4].</param>
/// <param name="Count">Weights a pixel, a multiple of four: no more than three of them are beyond a line's end.</param>
internal sealed record VectorTaps(int[] First, int[] Weights, int Count);
