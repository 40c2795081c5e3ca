namespace Graft.Bench.Onnx;

/// <summary>From Graft's order, channels last, to ONNX's, channels in planes, and back.</summary>
/// <remarks>
/// An image [N,H,W,C] is N blocks of H·W rows with C columns, and [N,C,H,W] is each block transposed; a convolution weight
/// [O,R,S,I] becomes [O,I,R,S] in the same way.
/// </remarks>
internal static class Planes
{
    /// <summary>[N,H,W,C] to [N,C,H,W]; a shape without rows and columns, [N,C], stays.</summary>
    public static Shape Of(Shape pixels) => pixels.Rank == 4 ? new Shape(pixels[0], pixels[3], pixels[1], pixels[2]) : pixels;

    /// <summary>The numbers of <paramref name="shape"/>, [N,H,W,C], as [N,C,H,W].</summary>
    public static float[] FromPixels(ReadOnlySpan<float> values, Shape shape) => Transpose(values, shape[0], Area(shape), shape[-1]);

    /// <summary>Numbers in planes as those of <paramref name="shape"/>, [N,H,W,C].</summary>
    public static float[] ToPixels(ReadOnlySpan<float> values, Shape shape) => Transpose(values, shape[0], shape[-1], Area(shape));

    private static int Area(Shape shape) => shape.Rank == 4 ? shape[1] * shape[2] : 1;

    private static float[] Transpose(ReadOnlySpan<float> values, int blocks, int rows, int columns)
    {
        var result = new float[values.Length];
        for (int b = 0; b < blocks; b++)
        {
            ReadOnlySpan<float> from = values.Slice(b * rows * columns, rows * columns);
            Span<float> to = result.AsSpan(b * rows * columns, rows * columns);
            for (int r = 0; r < rows; r++)
            {
                for (int c = 0; c < columns; c++)
                    to[c * rows + r] = from[r * columns + c];
            }
        }
        return result;
    }
}
