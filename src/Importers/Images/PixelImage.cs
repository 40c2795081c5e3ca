namespace Graft.Importers.Images;

/// <summary>A decoded image: 8 bits a channel, row-major.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Channels">3 for RGB, 1 for gray.</param>
/// <param name="Pixels">Height · Width · Channels bytes.</param>
public sealed record PixelImage(int Height, int Width, int Channels, byte[] Pixels)
{
    /// <summary>Turned upright from one of the eight orientations of EXIF 2.3, table 6; others leave it as it is.</summary>
    internal PixelImage Upright(int orientation)
    {
        if (orientation is < 2 or > 8)
            return this;
        bool transposed = orientation >= 5;
        (int height, int width) = transposed ? (Width, Height) : (Height, Width);
        var pixels = new byte[Pixels.Length];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                (int row, int column) = orientation switch // where this pixel is stored
                {
                    2 => (y, Width - 1 - x),
                    3 => (Height - 1 - y, Width - 1 - x),
                    4 => (Height - 1 - y, x),
                    5 => (x, y),
                    6 => (Height - 1 - x, y),
                    7 => (Height - 1 - x, Width - 1 - y),
                    _ => (x, Width - 1 - y),
                };
                Pixels.AsSpan((row * Width + column) * Channels, Channels).CopyTo(pixels.AsSpan((y * width + x) * Channels, Channels));
            }
        }
        return new PixelImage(height, width, Channels, pixels);
    }
}
