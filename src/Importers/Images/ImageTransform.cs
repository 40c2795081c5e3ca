namespace Graft.Importers.Images;

/// <summary>One transform of an image, with Keras's parameters: affine, channel shift, flips, brightness, in this order.</summary>
public sealed record ImageTransform
{
    /// <summary>Rotation in degrees.</summary>
    public double Theta { get; init; }

    /// <summary>Shift along rows, in pixels.</summary>
    public double Tx { get; init; }

    /// <summary>Shift along columns, in pixels.</summary>
    public double Ty { get; init; }

    /// <summary>Shear in degrees.</summary>
    public double Shear { get; init; }

    /// <summary>Zoom of rows.</summary>
    public double Zx { get; init; } = 1;

    /// <summary>Zoom of columns.</summary>
    public double Zy { get; init; } = 1;

    /// <summary>Mirrors columns.</summary>
    public bool FlipHorizontal { get; init; }

    /// <summary>Mirrors rows.</summary>
    public bool FlipVertical { get; init; }

    /// <summary>Added to all channels, limited to the image's own range.</summary>
    public double ChannelShift { get; init; }

    /// <summary>Factor on the brightness, or null.</summary>
    public double? Brightness { get; init; }

    /// <summary>What stands where there is no pixel.</summary>
    public FillMode FillMode { get; init; }

    /// <summary>The value of <see cref="Images.FillMode.Constant"/>.</summary>
    public float FillValue { get; init; }

    /// <summary>
    /// Offset of the centre of rotation from half the size: -0.5 is the middle pixel, as in Keras 3; +0.5 is that of
    /// keras-preprocessing 1.1.2 (Keras 2).
    /// </summary>
    public double CentreOffset { get; init; } = -0.5;

    /// <summary>The transformed image; x is [height, width, channels], row-major.</summary>
    public float[] Apply(float[] x, int height, int width, int channels = 3)
    {
        if (IsAffine)
            x = Affine(x, height, width, channels);
        if (ChannelShift != 0)
        {
            float min = x.Min(), max = x.Max(), shift = (float)ChannelShift;
            x = Array.ConvertAll(x, v => Math.Clamp(v + shift, min, max));
        }
        if (FlipHorizontal || FlipVertical)
            x = Flip(x, height, width, channels);
        return Brightness is { } factor ? Brighten(x, factor) : x;
    }

    /// <summary>The transformed classes of pixels, [height, width]: each that of the nearest pixel. What changes colours alone leaves them.</summary>
    /// <param name="classes">Class numbers.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="outside">The class where there is no pixel, with <see cref="FillMode.Constant"/>.</param>
    public byte[] ApplyToClasses(byte[] classes, int height, int width, byte outside = 0)
    {
        var result = new byte[classes.Length];
        AffineMap map = MapOf(height, width);
        for (int i = 0; i < height; i++)
        {
            for (int j = 0; j < width; j++)
            {
                (double row, double column) = (FlipVertical ? height - 1 - i : i, FlipHorizontal ? width - 1 - j : j);
                if (IsAffine)
                    (row, column) = map.At(row, column);
                result[i * width + j] = Map(ref row, height) && Map(ref column, width) ? classes[Nearest(row, height) * width + Nearest(column, width)] : outside;
            }
        }
        return result;
    }

    private bool IsAffine => Theta != 0 || Tx != 0 || Ty != 0 || Shear != 0 || Zx != 1 || Zy != 1;

    private AffineMap MapOf(int height, int width)
    {
        double theta = Theta * Math.PI / 180, shear = Shear * Math.PI / 180;
        double cos = Math.Cos(theta), sin = Math.Sin(theta), shearSin = -Math.Sin(shear), shearCos = Math.Cos(shear);
        // [cos -sin; sin cos] · [1 -sin(shear); 0 cos(shear)] · [zx 0; 0 zy]; the shift goes in before the shear
        double m00 = cos * Zx, m01 = (cos * shearSin - sin * shearCos) * Zy, m10 = sin * Zx, m11 = (sin * shearSin + cos * shearCos) * Zy;
        double shiftY = cos * Tx - sin * Ty, shiftX = sin * Tx + cos * Ty;
        return new AffineMap(m00, m01, m10, m11, height / 2.0 + CentreOffset, width / 2.0 + CentreOffset, shiftY, shiftX);
    }

    /// <summary>Linear interpolation at the place that each pixel comes from.</summary>
    private float[] Affine(float[] x, int height, int width, int channels)
    {
        AffineMap map = MapOf(height, width);
        var y = new float[x.Length];
        for (int i = 0; i < height; i++)
        {
            for (int j = 0; j < width; j++)
            {
                (double row, double column) = map.At(i, j);
                Sample(x, height, width, row, column, y.AsSpan((i * width + j) * channels, channels));
            }
        }
        return y;
    }

    private void Sample(float[] x, int height, int width, double row, double column, Span<float> pixel)
    {
        if (!Map(ref row, height) || !Map(ref column, width))
        {
            pixel.Fill(FillValue);
            return;
        }
        int r0 = (int)Math.Floor(row), c0 = (int)Math.Floor(column);
        double fr = row - r0, fc = column - c0;
        int r1 = Neighbour(r0 + 1, height), c1 = Neighbour(c0 + 1, width);
        r0 = Neighbour(r0, height);
        c0 = Neighbour(c0, width);
        int channels = pixel.Length;
        for (int c = 0; c < channels; c++)
        {
            double top = x[(r0 * width + c0) * channels + c] * (1 - fc) + x[(r0 * width + c1) * channels + c] * fc;
            double bottom = x[(r1 * width + c0) * channels + c] * (1 - fc) + x[(r1 * width + c1) * channels + c] * fc;
            pixel[c] = (float)(top * (1 - fr) + bottom * fr);
        }
    }

    /// <summary>Brings a coordinate into the image by SciPy's rule; false where there is no pixel.</summary>
    private bool Map(ref double at, int length)
    {
        if (at >= 0 && at <= length - 1)
            return true;
        switch (FillMode)
        {
            case FillMode.Constant:
                return false;
            case FillMode.Nearest:
                at = Math.Clamp(at, 0, length - 1);
                return true;
            case FillMode.Reflect:
                double period = 2.0 * length;
                at -= period * Math.Floor(at / period);
                if (at > length - 0.5)
                    at = period - 1 - at;
                return true;
            default:
                double span = Math.Max(1, length - 1); // first and last pixel coincide
                at -= span * Math.Floor(at / span);
                return true;
        }
    }

    // A mirrored coordinate may lie half a pixel outside, where both neighbours are the border pixel.
    private static int Neighbour(int i, int length) => Math.Clamp(i, 0, length - 1);

    private static int Nearest(double at, int length) => Neighbour((int)Math.Floor(at + 0.5), length);

    private float[] Flip(float[] x, int height, int width, int channels)
    {
        var y = new float[x.Length];
        for (int i = 0; i < height; i++)
        {
            for (int j = 0; j < width; j++)
            {
                int row = FlipVertical ? height - 1 - i : i, column = FlipHorizontal ? width - 1 - j : j;
                x.AsSpan((row * width + column) * channels, channels).CopyTo(y.AsSpan((i * width + j) * channels, channels));
            }
        }
        return y;
    }

    /// <summary>The image's own range is stretched to 0..255 and cut to 8 bits first, as Keras's array_to_img does.</summary>
    private static float[] Brighten(float[] x, double factor)
    {
        float min = x.Min(), range = x.Max() - min;
        return Array.ConvertAll(x, v => (float)Math.Clamp((int)((byte)(range == 0 ? v : (v - min) / range * 255) * factor), 0, 255));
    }

    /// <summary>From output to input by rotation · shift · shear · zoom about the centre.</summary>
    private readonly record struct AffineMap(double M00, double M01, double M10, double M11, double CentreY, double CentreX, double ShiftY, double ShiftX)
    {
        public (double Row, double Column) At(double i, double j) =>
            (M00 * (i - CentreY) + M01 * (j - CentreX) + ShiftY + CentreY, M10 * (i - CentreY) + M11 * (j - CentreX) + ShiftX + CentreX);
    }
}
