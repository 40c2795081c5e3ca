namespace Graft.Importers.Images;

/// <summary>PNG files of 16 bits a sample, which Pillow converts in its own way: gray is limited to 255, all else keeps its upper byte. Alpha is dropped.</summary>
internal static class Png16
{
    private const int Depth = 16;
    private const int Gray = 0, Rgb = 2, GrayAlpha = 4, Rgba = 6;

    /// <summary>True for a PNG of bit depth 16.</summary>
    public static bool Handles(byte[] bytes) => PngLines.KindOf(bytes) is (Depth, Gray or Rgb or GrayAlpha or Rgba);

    /// <exception cref="GraftException">The size in the header is out of range, or data is missing.</exception>
    public static PixelImage Decode(byte[] bytes, string name)
    {
        (int height, int width) = PngLines.SizeOf(bytes, name);
        int colour = PngLines.KindOf(bytes)!.Value.Colour, samples = colour switch { Gray => 1, GrayAlpha => 2, Rgb => 3, _ => 4 };
        var rgb = new byte[width * height * 3];
        PngLines.Read(bytes, name, samples * Depth, (line, y, x, step, pixels) =>
        {
            for (int i = 0; i < pixels; i++)
                Convert(line[(i * samples * 2)..], colour, rgb.AsSpan((y * width + x + i * step) * 3, 3));
        });
        return new PixelImage(height, width, 3, rgb);
    }

    private static void Convert(ReadOnlySpan<byte> pixel, int colour, Span<byte> rgb)
    {
        if (colour is Rgb or Rgba)
            (rgb[0], rgb[1], rgb[2]) = (pixel[0], pixel[2], pixel[4]);
        else
            rgb.Fill(colour == Gray && pixel[0] > 0 ? (byte)255 : colour == Gray ? pixel[1] : pixel[0]);
    }
}
