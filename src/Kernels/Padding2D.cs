namespace Graft.Kernels;

/// <summary>Rows and columns added around an image, possibly uneven.</summary>
public readonly record struct Padding2D(int Top, int Bottom, int Left, int Right)
{
    /// <summary>No padding: "valid".</summary>
    public static Padding2D None => default;

    /// <summary>The same padding on all four sides.</summary>
    public static Padding2D All(int size) => new(size, size, size, size);

    /// <summary>
    /// TensorFlow's "same": output extent is ceil(input / stride); the odd row and column go to the bottom and right.
    /// </summary>
    public static Padding2D Same(int height, int width, int filterH, int filterW, int strideH, int strideW, int dilationH = 1, int dilationW = 1)
    {
        int vertical = Total(height, filterH, strideH, dilationH), horizontal = Total(width, filterW, strideW, dilationW);
        return new(vertical / 2, vertical - vertical / 2, horizontal / 2, horizontal - horizontal / 2);
    }

    private static int Total(int size, int filter, int stride, int dilation)
    {
        int outSize = (size + stride - 1) / stride;
        return Math.Max(0, (outSize - 1) * stride + (filter - 1) * dilation + 1 - size);
    }
}
