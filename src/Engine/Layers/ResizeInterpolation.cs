namespace Graft.Layers;

/// <summary>How a resized image's pixels are made of those near them, by Keras's names.</summary>
public enum ResizeInterpolation
{
    /// <summary>Of the two nearest, by distance.</summary>
    Bilinear,

    /// <summary>The pixel in whose area the centre falls.</summary>
    Nearest,

    /// <summary>Of four, by the cubic of Keys 1981 with a = -1/2.</summary>
    Bicubic,

    /// <summary>Of six, by a windowed sinc.</summary>
    Lanczos3,

    /// <summary>Of ten, by a windowed sinc.</summary>
    Lanczos5,

    /// <summary>Of four, by the cubic of Mitchell and Netravali 1988 with B = C = 1/3.</summary>
    MitchellCubic,

    /// <summary>Of three, by a Gaussian with a deviation of half a pixel.</summary>
    Gaussian,

    /// <summary>The mean of the area that the pixel covers.</summary>
    Area,
}

/// <summary>Interpolation along one axis as a matrix [output, input]: row p holds the shares of the input's pixels in output pixel p.</summary>
/// <remarks>
/// Centres of pixels are at halves; shares of pixels beyond the border go to the others. No low-pass filter, as tf.image.resize without antialiasing,
/// which Keras uses.
/// </remarks>
internal static class ResizeMatrix
{
    /// <summary>The matrix, row-major.</summary>
    public static float[] Of(ResizeInterpolation interpolation, int input, int output)
    {
        var matrix = new float[output * input];
        double scale = (double)input / output;
        for (int p = 0; p < output; p++)
        {
            Span<float> row = matrix.AsSpan(p * input, input);
            if (interpolation == ResizeInterpolation.Nearest)
                row[Math.Min((int)((p + 0.5) * scale), input - 1)] = 1;
            else if (interpolation == ResizeInterpolation.Area)
                Cover(row, p * scale, (p + 1) * scale);
            else
                Weigh(row, interpolation, (p + 0.5) * scale - 0.5);
        }
        return matrix;
    }

    private static void Cover(Span<float> row, double from, double to)
    {
        for (int i = (int)from; i < row.Length && i < to; i++)
            row[i] = (float)((Math.Min(to, i + 1) - Math.Max(from, i)) / (to - from));
    }

    private static void Weigh(Span<float> row, ResizeInterpolation interpolation, double centre)
    {
        int radius = interpolation switch
        {
            ResizeInterpolation.Bilinear => 1,
            ResizeInterpolation.Lanczos3 => 3,
            ResizeInterpolation.Lanczos5 => 5,
            _ => 2,
        };
        int first = Math.Max(0, (int)Math.Floor(centre) - radius + 1), last = Math.Min(row.Length - 1, (int)Math.Floor(centre) + radius);
        double sum = 0;
        for (int i = first; i <= last; i++)
            sum += Share(interpolation, Math.Abs(i - centre));
        for (int i = first; i <= last; i++)
            row[i] = (float)(Share(interpolation, Math.Abs(i - centre)) / sum);
    }

    private static double Share(ResizeInterpolation interpolation, double x) => interpolation switch
    {
        ResizeInterpolation.Bilinear => Math.Max(0, 1 - x),
        ResizeInterpolation.Bicubic => Cubic(x, 0, 0.5),
        ResizeInterpolation.MitchellCubic => Cubic(x, 1 / 3.0, 1 / 3.0),
        ResizeInterpolation.Lanczos3 => Lanczos(x, 3),
        ResizeInterpolation.Lanczos5 => Lanczos(x, 5),
        ResizeInterpolation.Gaussian => x < 1.5 ? Math.Exp(-2 * x * x) : 0, // three deviations
        _ => throw new ArgumentOutOfRangeException(nameof(interpolation), interpolation, "No such interpolation."),
    };

    // Mitchell and Netravali 1988, eq. 8; B = 0 and C = 1/2 is Keys's.
    private static double Cubic(double x, double b, double c) => x switch
    {
        < 1 => ((12 - 9 * b - 6 * c) * x * x * x + (-18 + 12 * b + 6 * c) * x * x + 6 - 2 * b) / 6,
        < 2 => ((-b - 6 * c) * x * x * x + (6 * b + 30 * c) * x * x + (-12 * b - 48 * c) * x + 8 * b + 24 * c) / 6,
        _ => 0,
    };

    private static double Lanczos(double x, int radius) => x < 1e-9 ? 1 : x >= radius ? 0
        : radius * Math.Sin(Math.PI * x) * Math.Sin(Math.PI * x / radius) / (Math.PI * Math.PI * x * x);
}
