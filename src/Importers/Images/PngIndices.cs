namespace Graft.Importers.Images;

/// <summary>
/// PNG files whose pixels are numbers of a palette, or gray of fewer than 8 bits: the numbers as they are stored, where decoding to colours would replace them. Masks of classes are kept so.
/// </summary>
internal static class PngIndices
{
    private const int Gray = 0, Palette = 3;

    /// <summary>True for a palette, or gray of 1, 2 or 4 bits.</summary>
    public static bool Handles(byte[] bytes) => PngLines.KindOf(bytes) is (1 or 2 or 4 or 8, Palette) or (1 or 2 or 4, Gray);

    /// <summary>One channel, the numbers.</summary>
    /// <exception cref="GraftException">The size in the header is out of range, or data is missing.</exception>
    public static PixelImage Decode(byte[] bytes, string name)
    {
        const int BitsPerByte = 8;
        (int height, int width) = PngLines.SizeOf(bytes, name);
        int depth = PngLines.KindOf(bytes)!.Value.Depth, largest = (1 << depth) - 1;
        var indices = new byte[width * height];
        PngLines.Read(bytes, name, depth, (line, y, x, step, pixels) =>
        {
            for (int i = 0; i < pixels; i++)
            {
                int bit = i * depth; // the first pixel has the highest bits of a byte
                indices[y * width + x + i * step] = (byte)((line[bit / BitsPerByte] >> (BitsPerByte - depth - bit % BitsPerByte)) & largest);
            }
        });
        return new PixelImage(height, width, 1, indices);
    }
}
