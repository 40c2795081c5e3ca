namespace Graft.Importers.Images;

/// <summary>A decoded image: 8-bit RGB, row-major.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Rgb">Height · Width · 3 bytes.</param>
public sealed record PixelImage(int Height, int Width, byte[] Rgb);
