using SkiaSharp;

namespace Graft.Cli;

/// <summary>Paints flowers of five kinds with random shape, colour, pose, background and noise: a data set for the demo.</summary>
/// <remarks>A picture depends on the seed, the kind and its number alone.</remarks>
internal static class FlowerPainter
{
    private const int Size = 160;

    /// <summary>The kinds, in the order of their folders.</summary>
    public static readonly string[] Kinds = ["daisy", "dandelion", "rose", "sunflower", "tulip"];

    /// <summary>Writes folder/kind/number.jpg for all kinds.</summary>
    public static void WriteSet(string folder, int perKind, int seed)
    {
        foreach (string kind in Kinds)
        {
            Directory.CreateDirectory(Path.Combine(folder, kind));
            for (int i = 0; i < perKind; i++)
                File.WriteAllBytes(Path.Combine(folder, kind, $"{i:000}.jpg"), Paint(kind, RandomSeed.Of(seed, $"{kind}/{i}")));
        }
    }

    /// <summary>One picture as a JPEG.</summary>
    public static byte[] Paint(string kind, int seed)
    {
        var random = new Random(seed);
        using var bitmap = new SKBitmap(Size, Size, SKColorType.Rgba8888, SKAlphaType.Opaque);
        using (var canvas = new SKCanvas(bitmap))
        {
            Background(canvas, random);
            var centre = new SKPoint(Between(random, 0.38f, 0.62f) * Size, Between(random, 0.34f, 0.52f) * Size);
            float radius = Between(random, 0.22f, 0.34f) * Size;
            Stem(canvas, random, centre);
            canvas.Save();
            canvas.Translate(centre.X, centre.Y);
            canvas.RotateDegrees(Between(random, -25, 25));
            canvas.Scale(1, Between(random, 0.8f, 1));
            switch (kind)
            {
                case "daisy": Daisy(canvas, random, radius); break;
                case "dandelion": Dandelion(canvas, random, radius); break;
                case "rose": Rose(canvas, random, radius); break;
                case "sunflower": Sunflower(canvas, random, radius); break;
                default: Tulip(canvas, random, radius); break;
            }
            canvas.Restore();
            Foreground(canvas, random);
        }
        Noise(bitmap, random);
        using SKData jpeg = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90);
        return jpeg.ToArray();
    }

    private static void Background(SKCanvas canvas, Random random)
    {
        SKColor top = Hue(random, 80, 220, 30, 60, 55, 95), bottom = Hue(random, 60, 140, 30, 70, 25, 60);
        using SKShader shader = SKShader.CreateLinearGradient(new SKPoint(0, 0), new SKPoint(Between(random, -40, 40), Size), [top, bottom], SKShaderTileMode.Clamp);
        using var paint = new SKPaint { Shader = shader };
        canvas.DrawRect(0, 0, Size, Size, paint);
        for (int i = 0; i < random.Next(8, 20); i++)
        {
            using var blur = new SKPaint { Color = Hue(random, 60, 160, 30, 70, 25, 80).WithAlpha(90), IsAntialias = true, MaskFilter = SKMaskFilter.CreateBlur(SKBlurStyle.Normal, 5) };
            canvas.DrawOval(Between(random, 0, Size), Between(random, 0, Size), Between(random, 4, 24), Between(random, 4, 24), blur);
        }
    }

    private static void Stem(SKCanvas canvas, Random random, SKPoint from)
    {
        SKColor green = Hue(random, 90, 130, 45, 75, 25, 45);
        using var line = new SKPaint { Color = green, Style = SKPaintStyle.Stroke, StrokeWidth = Between(random, 4, 8), IsAntialias = true };
        canvas.DrawLine(from, new SKPoint(from.X + Between(random, -25, 25), Size + 5), line);
        using var leaf = new SKPaint { Color = green, IsAntialias = true };
        for (int i = 0; i < 2; i++)
        {
            canvas.Save();
            canvas.Translate(from.X, Between(random, 0.72f, 0.95f) * Size);
            canvas.RotateDegrees(i == 0 ? Between(random, 15, 55) : Between(random, 125, 165));
            canvas.DrawOval(28, 0, 28, Between(random, 6, 11), leaf);
            canvas.Restore();
        }
    }

    private static void Daisy(SKCanvas canvas, Random random, float radius)
    {
        Petals(canvas, random, random.Next(12, 20), radius, 0.17f, Hue(random, 0, 60, 0, 8, 92, 100));
        Disc(canvas, radius * Between(random, 0.24f, 0.32f), Hue(random, 44, 52, 85, 100, 50, 60));
    }

    private static void Sunflower(SKCanvas canvas, Random random, float radius)
    {
        Petals(canvas, random, random.Next(18, 28), radius, 0.14f, Hue(random, 42, 50, 90, 100, 48, 58));
        Petals(canvas, random, random.Next(16, 22), radius * 0.85f, 0.14f, Hue(random, 38, 48, 90, 100, 45, 55));
        float disc = radius * Between(random, 0.42f, 0.52f);
        Disc(canvas, disc, Hue(random, 20, 32, 50, 70, 14, 24));
        using var seed = new SKPaint { Color = Hue(random, 25, 35, 50, 70, 30, 40), IsAntialias = true };
        for (int i = 1; i < 90; i++)
        {
            float r = disc * 0.95f * MathF.Sqrt(i / 90f), angle = i * 2.39996f; // the golden angle, as in the flower
            canvas.DrawCircle(r * MathF.Cos(angle), r * MathF.Sin(angle), 1.2f, seed);
        }
    }

    private static void Dandelion(SKCanvas canvas, Random random, float radius)
    {
        bool seeds = random.NextDouble() < 0.5; // a clock of seeds, or the yellow flower
        SKColor color = seeds ? Hue(random, 40, 60, 0, 8, 88, 98) : Hue(random, 48, 56, 90, 100, 48, 56);
        using var line = new SKPaint { Color = color, Style = SKPaintStyle.Stroke, StrokeWidth = seeds ? 0.9f : 2.4f, IsAntialias = true };
        using var tip = new SKPaint { Color = color.WithAlpha(190), IsAntialias = true };
        for (int i = 0; i < 220; i++)
        {
            float angle = Between(random, 0, MathF.Tau), r = radius * (seeds ? MathF.Sqrt(Between(random, 0.3f, 1)) : Between(random, 0.35f, 0.95f));
            float x = r * MathF.Cos(angle), y = r * MathF.Sin(angle);
            canvas.DrawLine(0, 0, x, y, line);
            if (seeds)
                canvas.DrawCircle(x, y, Between(random, 1.2f, 2.6f), tip);
        }
        Disc(canvas, radius * (seeds ? 0.1f : 0.22f), seeds ? Hue(random, 60, 100, 20, 40, 45, 60) : Hue(random, 40, 48, 90, 100, 42, 50));
    }

    private static void Rose(SKCanvas canvas, Random random, float radius)
    {
        float hue = random.NextDouble() < 0.5 ? Between(random, 340, 359) : Between(random, 0, 10);
        float saturation = Between(random, 60, 95);
        for (int ring = 0; ring < 5; ring++)
        {
            float r = radius * (1 - 0.19f * ring), turn = Between(random, 0, 72);
            for (int i = 0; i < 5; i++)
            {
                canvas.Save();
                canvas.RotateDegrees(turn + i * 72);
                using var petal = new SKPaint { Color = SKColor.FromHsl(hue, saturation, 58 - 7 * ring + Between(random, -4, 4)), IsAntialias = true };
                using var edge = new SKPaint { Color = SKColor.FromHsl(hue, saturation, 26), Style = SKPaintStyle.Stroke, StrokeWidth = 1.2f, IsAntialias = true };
                canvas.DrawOval(r * 0.42f, 0, r * 0.52f, r * 0.5f, petal);
                canvas.DrawOval(r * 0.42f, 0, r * 0.52f, r * 0.5f, edge);
                canvas.Restore();
            }
        }
    }

    private static void Tulip(SKCanvas canvas, Random random, float radius)
    {
        float[] hues = [355, 20, 300, 325, 275];
        SKColor color = SKColor.FromHsl(hues[random.Next(hues.Length)], Between(random, 65, 95), Between(random, 48, 62));
        foreach ((float x, float tilt, float shade) in new[] { (-0.36f, -14f, 0.85f), (0.36f, 14f, 0.85f), (0f, 0f, 1f) })
        {
            canvas.Save();
            canvas.RotateDegrees(tilt);
            using var petal = new SKPaint { Color = new SKColor((byte)(color.Red * shade), (byte)(color.Green * shade), (byte)(color.Blue * shade)), IsAntialias = true };
            using var builder = new SKPathBuilder();
            float w = radius * 0.48f, cx = x * radius;
            builder.MoveTo(cx, -radius);
            builder.CubicTo(cx + w, -radius * 0.4f, cx + w, radius * 0.7f, cx, radius);
            builder.CubicTo(cx - w, radius * 0.7f, cx - w, -radius * 0.4f, cx, -radius);
            builder.Close();
            using SKPath path = builder.Detach();
            canvas.DrawPath(path, petal);
            canvas.Restore();
        }
    }

    private static void Petals(SKCanvas canvas, Random random, int count, float radius, float width, SKColor color)
    {
        using var petal = new SKPaint { Color = color, IsAntialias = true };
        using var edge = new SKPaint { Color = new SKColor(60, 60, 40, 90), Style = SKPaintStyle.Stroke, StrokeWidth = 0.8f, IsAntialias = true };
        for (int i = 0; i < count; i++)
        {
            canvas.Save();
            canvas.RotateDegrees(i * 360f / count + Between(random, -4, 4));
            float length = radius * Between(random, 0.9f, 1.05f);
            canvas.DrawOval(length * 0.58f, 0, length * 0.42f, radius * width, petal);
            canvas.DrawOval(length * 0.58f, 0, length * 0.42f, radius * width, edge);
            canvas.Restore();
        }
    }

    private static void Disc(SKCanvas canvas, float radius, SKColor color)
    {
        using var disc = new SKPaint { Color = color, IsAntialias = true };
        canvas.DrawCircle(0, 0, radius, disc);
    }

    // Blades of grass in front of the flower: it is never quite whole.
    private static void Foreground(SKCanvas canvas, Random random)
    {
        for (int i = 0; i < random.Next(2, 9); i++)
        {
            using var blade = new SKPaint { Color = Hue(random, 80, 130, 40, 70, 20, 50), Style = SKPaintStyle.Stroke, StrokeWidth = Between(random, 1.5f, 4), IsAntialias = true };
            float x = Between(random, 0, Size);
            canvas.DrawLine(x, Size, x + Between(random, -30, 30), Between(random, 0.55f, 0.9f) * Size, blade);
        }
    }

    private static void Noise(SKBitmap bitmap, Random random)
    {
        Span<byte> pixels = bitmap.GetPixelSpan();
        int strength = random.Next(4, 16);
        for (int i = 0; i < pixels.Length; i++)
        {
            if (i % 4 != 3) // not the alpha
                pixels[i] = (byte)Math.Clamp(pixels[i] + random.Next(-strength, strength + 1), 0, 255);
        }
    }

    private static SKColor Hue(Random random, float h0, float h1, float s0, float s1, float l0, float l1) =>
        SKColor.FromHsl(Between(random, h0, h1), Between(random, s0, s1), Between(random, l0, l1));

    private static float Between(Random random, float from, float to) => from + (to - from) * random.NextSingle();
}
