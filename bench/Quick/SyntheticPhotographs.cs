using SkiaSharp;

namespace Graft.Bench.Quick;

/// <summary>JPEG files of the size and weight of photographs from a web page: waves of colour under grain, 500 x 375 pixels, about 50 kB each, in two class folders.</summary>
internal sealed class SyntheticPhotographs : IDisposable
{
    private const int Width = 500, Height = 375, Quality = 90, Waves = 12;
    private const int MostPictures = 100; // beyond it, files repeat them: painting takes longer than what is measured

    /// <param name="count">Number of files.</param>
    public SyntheticPhotographs(int count)
    {
        Folder = Path.Combine(Path.GetTempPath(), $"graft-bench-{Environment.ProcessId}-photographs");
        Files = new byte[count][];
        for (int i = 0; i < count; i++)
        {
            string folder = Path.Combine(Folder, i % 2 == 0 ? "even" : "odd");
            Directory.CreateDirectory(folder);
            Files[i] = i < MostPictures ? Encode(new Random(i)) : Files[i - MostPictures];
            File.WriteAllBytes(Path.Combine(folder, $"{i:000}.jpg"), Files[i]);
        }
    }

    /// <summary>Where they are.</summary>
    public string Folder { get; }

    /// <summary>Their bytes.</summary>
    public byte[][] Files { get; }

    /// <summary>Decodes all of them by the imaging library alone, on this thread, always to the same memory.</summary>
    public void DecodeAll()
    {
        using var pixels = new SKBitmap(new SKImageInfo(Width, Height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        foreach (byte[] file in Files)
        {
            using var data = SKData.CreateCopy(file);
            using SKCodec codec = SKCodec.Create(data);
            SKCodecResult result = codec.GetPixels(pixels.Info, pixels.GetPixels());
            if (result != SKCodecResult.Success)
                throw new GraftException($"Bench: a JPEG of its own cannot be decoded: {result}.");
        }
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static byte[] Encode(Random random)
    {
        (double X, double Y, double Phase, double Height, int Channel)[] waves = [.. Enumerable.Range(0, Waves).Select(i =>
            (random.NextDouble() * 0.2 - 0.1, random.NextDouble() * 0.2 - 0.1, random.NextDouble() * 6, random.NextDouble() * 40, i % 3))];
        var pixels = new byte[Width * Height * 4];
        Span<double> colour = stackalloc double[3];
        for (int i = 0; i < Width * Height; i++)
        {
            colour.Fill(128 + random.NextDouble() * 16); // the grain of a sensor
            foreach ((double x, double y, double phase, double height, int channel) in waves)
                colour[channel] += height * Math.Sin(x * (i % Width) + y * (i / Width) + phase);
            for (int c = 0; c < 3; c++)
                pixels[4 * i + c] = (byte)Math.Clamp(colour[c], 0, 255);
        }
        using var image = SKImage.FromPixelCopy(new SKImageInfo(Width, Height, SKColorType.Rgb888x), pixels);
        using SKData data = image.Encode(SKEncodedImageFormat.Jpeg, Quality);
        return data.ToArray();
    }
}
