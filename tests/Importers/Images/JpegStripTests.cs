using Graft.Importers.Images;
using Graft.Tests.Golden;
using Graft.Training;
using SkiaSharp;
using Xunit;

namespace Graft.Tests.Importers.Images;

/// <summary>What a reader makes of a JPEG, rows resampled as they are decoded, against decoding the whole and resizing it: the same bytes.</summary>
public sealed class JpegStripTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(SKJpegEncoderDownsample.Downsample420)]
    [InlineData(SKJpegEncoderDownsample.Downsample422)]
    [InlineData(SKJpegEncoderDownsample.Downsample444)]
    public void Every_size_and_filter_gives_the_bytes_of_a_whole_picture(SKJpegEncoderDownsample downsample)
    {
        int seed = 0;
        foreach ((int width, int height) in new[] { (1, 1), (7, 3), (16, 16), (33, 17), (50, 31), (64, 130) })
        {
            byte[] file = Encode(width, height, downsample, seed++);
            foreach (ResizeFilter filter in Enum.GetValues<ResizeFilter>())
            {
                foreach ((int toHeight, int toWidth) in new[] { (1, 1), (5, 9), (height, 12), (20, width), (height, width), (40, 150) })
                    AssertSame(file, new ImageInput(toHeight, toWidth, filter));
            }
        }
    }

    [Fact]
    public void Gray_pictures_and_turned_ones_too()
    {
        byte[] file = Encode(33, 17, SKJpegEncoderDownsample.Downsample420, 1);
        AssertSame(file, new ImageInput(9, 11, ResizeFilter.Bilinear, ColorMode.Grayscale));
        for (byte orientation = 1; orientation <= 8; orientation++)
        {
            byte[] turned = WithOrientation(file, orientation);
            Assert.Equal(orientation >= 5 ? 33 : 17, ImageDecoder.Decode(turned, "x.jpg", appliesOrientation: true).Height);
            AssertSame(turned, new ImageInput(9, 11, ResizeFilter.Bicubic, AppliesOrientation: true));
            AssertSame(turned, new ImageInput(9, 11, ResizeFilter.Bicubic));
        }
    }

    [Fact]
    public void A_colour_profile_is_not_applied_as_by_Pillow()
    {
        using SKColorSpace wide = SKColorSpace.CreateRgb(SKColorSpaceTransferFn.Srgb, SKColorSpaceXyz.DisplayP3);
        byte[] plain = Encode(33, 17, SKJpegEncoderDownsample.Downsample420, 1), profiled = Encode(33, 17, SKJpegEncoderDownsample.Downsample420, 1, wide);
        using (SKData data = SKData.CreateCopy(profiled))
        using (SKCodec codec = SKCodec.Create(data))
            Assert.False(codec.Info.ColorSpace.IsSrgb);
        Assert.Equal(ImageDecoder.Decode(plain, "x.jpg").Pixels, ImageDecoder.Decode(profiled, "x.jpg").Pixels);
        AssertSame(profiled, new ImageInput(9, 11, ResizeFilter.Bilinear));
    }

    [Fact]
    public void A_file_that_is_cut_off_is_the_same_error_as_of_a_whole_picture()
    {
        byte[] file = Encode(64, 130, SKJpegEncoderDownsample.Downsample420, 3), noEnd = file[..^2];
        var reader = new ImageReader(Preprocessing.None.For(new ImageInput(20, 20, ResizeFilter.Bilinear)));
        foreach (byte[] damaged in new[] { noEnd, file[..(file.Length / 2)], [.. file[..(file.Length / 2)], 0xFF, 0xD9] })
        {
            string message = Message(() => ImageDecoder.Decode(damaged, "cut.jpg"));
            Assert.Equal(message, Message(() => reader.Read(damaged, "cut.jpg")));
        }
        Assert.Contains("truncated", Message(() => reader.Read(noEnd, "cut.jpg")), StringComparison.Ordinal);
        static string Message(Action decode) => Record.Exception(decode)?.Message ?? "";
    }

    [Fact]
    public void Photographs_of_the_shared_data_too()
    {
        string[] photographs = [.. Directory.EnumerateFiles(GraftShared.Path("data", "flowers", "validation"), "*.jpg", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Where((_, i) => i % 8 == 0)];
        string[] all = [.. photographs, .. Directory.EnumerateFiles(GraftShared.Path("reference", "keras", "preprocessing", "flow_from_directory", "images"), "*.jp*g", SearchOption.AllDirectories)];
        Assert.True(all.Length > 20);
        foreach (string file in all)
            AssertSame(File.ReadAllBytes(file), new ImageInput(224, 224, ResizeFilter.Bilinear));
    }

    private void AssertSame(byte[] file, ImageInput input)
    {
        byte[] whole = ImageResize.Run(ImageDecoder.Decode(file, "x.jpg", input.ColorMode, input.AppliesOrientation), input.Height, input.Width, input.Resize).Pixels;
        Assert.Equal(whole, new ImageReader(Preprocessing.None.For(input)).Pixels(_files.Write("x.jpg", file)));
    }

    private static byte[] Encode(int width, int height, SKJpegEncoderDownsample downsample, int seed, SKColorSpace? profile = null)
    {
        var random = new Random(seed);
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque, profile));
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
                bitmap.SetPixel(x, y, new SKColor((byte)(x * 7 + random.Next(40)), (byte)(y * 5), (byte)random.Next(256)));
        }
        using SKPixmap pixels = bitmap.PeekPixels();
        using SKData data = pixels.Encode(new SKJpegEncoderOptions(90, downsample, SKJpegEncoderAlphaOption.Ignore))!;
        return data.ToArray();
    }

    /// <summary>The file with an EXIF segment of one entry, the orientation, behind its start.</summary>
    internal static byte[] WithOrientation(byte[] file, byte orientation) =>
    [
        .. file[..2], 0xFF, 0xE1, 0, 34, .. "Exif\0\0MM\0*\0\0\0\b\0\u0001\u0001\u0012\0\u0003\0\0\0\u0001"u8, 0, orientation, 0, 0, 0, 0, 0, 0, .. file[2..],
    ];
}
