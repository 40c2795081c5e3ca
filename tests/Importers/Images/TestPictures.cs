using SkiaSharp;

namespace Graft.Tests.Importers.Images;

/// <summary>PNG files whose pixels a test says.</summary>
internal static class TestPictures
{
    /// <summary>A gray.</summary>
    public static SKColor Gray(int value) => new((byte)value, (byte)value, (byte)value);

    /// <summary>Writes a picture, and the folders above it.</summary>
    /// <param name="file">Where to.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="colour">Of the pixel at a row and a column.</param>
    public static void Write(string file, int height, int width, Func<int, int, SKColor> colour)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        using var bitmap = new SKBitmap(width, height);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
                bitmap.SetPixel(x, y, colour(y, x));
        }
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 90);
        File.WriteAllBytes(file, data.ToArray());
    }
}
