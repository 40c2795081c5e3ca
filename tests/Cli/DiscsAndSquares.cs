using Graft.Tests.Importers.Images;
using SkiaSharp;

namespace Graft.Tests.Cli;

/// <summary>Photographs of a red disc (1) and a blue square (2) on green (0), below a border of which nobody knows the class (255), and their masks.</summary>
internal static class DiscsAndSquares
{
    /// <summary>Rows and columns.</summary>
    public const int Side = 48;

    /// <summary>Writes them: 000.png and so on.</summary>
    /// <param name="photographs">Folder of the photographs.</param>
    /// <param name="masks">Folder of the masks.</param>
    /// <param name="count">How many.</param>
    /// <param name="seed">Where they lie; other seeds within the count have pictures in common.</param>
    /// <param name="value">The value of a class in the masks; null writes the class.</param>
    /// <param name="suffix">What the masks' names have behind the number.</param>
    public static void Write(string photographs, string masks, int count, int seed, Func<int, int>? value = null, string suffix = "")
    {
        for (int i = 0; i < count; i++)
        {
            var random = new Random(seed + i);
            (int dx, int dy, int sx, int sy) = (random.Next(10, 20), random.Next(10, 38), random.Next(28, 38), random.Next(10, 38));
            int ClassOf(int y, int x) => y < 2 ? 255 : (x - dx) * (x - dx) + (y - dy) * (y - dy) < 64 ? 1 : Math.Abs(x - sx) < 7 && Math.Abs(y - sy) < 7 ? 2 : 0;
            byte Near(int colour) => (byte)Math.Clamp(colour + random.Next(-20, 21), 0, 255);
            TestPictures.Write(Path.Combine(photographs, $"{i:000}.png"), Side, Side, (y, x) => ClassOf(y, x) switch { 1 => new SKColor(Near(200), Near(40), Near(40)), 2 => new SKColor(Near(40), Near(60), Near(200)), _ => new SKColor(Near(60), Near(150), Near(60)) });
            TestPictures.Write(Path.Combine(masks, $"{i:000}{suffix}.png"), Side, Side, (y, x) => TestPictures.Gray(value is null ? ClassOf(y, x) : value(ClassOf(y, x))));
        }
    }
}
