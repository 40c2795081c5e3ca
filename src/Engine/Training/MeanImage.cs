namespace Graft.Training;

/// <summary>A mean for each pixel of an image, [H,W,3] in the network's channel order.</summary>
public sealed class MeanImage
{
    private const int Channels = 3;

    private readonly float[] _values;

    /// <summary>A mean image of its numbers, row-major.</summary>
    /// <exception cref="ShapeException">The numbers do not fill [height, width, 3].</exception>
    public MeanImage(int height, int width, ReadOnlySpan<float> values)
    {
        if (values.Length != height * width * Channels)
            throw new ShapeException($"MeanImage: {values.Length} numbers do not fill [{height},{width},{Channels}].");
        (Height, Width, _values) = (height, width, values.ToArray());
    }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>Height · Width · 3 numbers, row-major.</summary>
    public ReadOnlySpan<float> Values => _values;

    /// <summary>The mean at another size, interpolated linearly between pixel centres; itself where the size agrees.</summary>
    /// <remarks>A mean over many photographs is smooth: nothing is lost by leaving pixels out when it shrinks.</remarks>
    public MeanImage At(int height, int width)
    {
        if (height == Height && width == Width)
            return this;
        var values = new float[height * width * Channels];
        for (int y = 0; y < height; y++)
        {
            (int top, int bottom, float down) = Between(y, height, Height);
            for (int x = 0; x < width; x++)
            {
                (int left, int right, float across) = Between(x, width, Width);
                for (int c = 0; c < Channels; c++)
                {
                    float upper = float.Lerp(At(top, left, c), At(top, right, c), across);
                    float lower = float.Lerp(At(bottom, left, c), At(bottom, right, c), across);
                    values[(y * width + x) * Channels + c] = float.Lerp(upper, lower, down);
                }
            }
        }
        return new MeanImage(height, width, values);
    }

    private float At(int row, int column, int channel) => _values[(row * Width + column) * Channels + channel];

    private static (int First, int Second, float Share) Between(int i, int to, int from)
    {
        float at = Math.Clamp((i + 0.5f) * from / to - 0.5f, 0, from - 1);
        int first = (int)at;
        return (first, Math.Min(first + 1, from - 1), at - first);
    }
}
