using System.Text.Json.Nodes;
using Graft.Importers.Images;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Importers.Images;

/// <summary>JPEG files decoded at a reduced size, against stored results of Pillow's draft mode (Golden/make_drafts.py).</summary>
public sealed class JpegDraftTests
{
    private const int Tolerance = 2; // JPEG decoders round the transform differently

    private static JsonArray Cases => JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Importers", "Images", "Golden", "drafts.json")))!.AsArray();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Sizes_and_pixels_are_those_of_Pillow(int number)
    {
        JsonNode @case = Cases[number]!;
        byte[] file = Convert.FromBase64String((string)@case["file"]!);
        foreach (JsonNode? draft in @case["drafts"]!.AsArray())
        {
            (int height, int width) = ((int)draft!["height"]!, (int)draft["width"]!);
            var input = new ImageInput((int)draft["to_height"]!, (int)draft["to_width"]!, ResizeFilter.Nearest, Draft: true); // not resampled on the way
            using PixelBuffer image = ImageDecoder.DecodeFor(input, file, "x.jpg");
            byte[] pixels = image.ToImage().Pixels, expected = Convert.FromBase64String((string)draft["rgb"]!);
            Assert.Equal((height, width), (image.Height, image.Width));
            int worst = expected.Select((v, i) => Math.Abs(v - pixels[i])).Max();
            Assert.True(worst <= Tolerance, $"{width} x {height}: {worst} levels off");

            foreach (ResizeFilter filter in Enum.GetValues<ResizeFilter>())
            {
                ImageInput resized = input with { Resize = filter };
                Assert.Equal(ImageResize.Run(new PixelImage(height, width, 3, pixels), input.Height, input.Width, filter).Pixels, Read(file, resized));
            }
        }
    }

    [Fact]
    public void Every_reduction_is_met()
    {
        foreach (JsonNode? @case in Cases)
        {
            int whole = (int)@case!["drafts"]![0]!["width"]!;
            Assert.Equal([1, 2, 4, 8], @case["drafts"]!.AsArray().Select(d => (int)Math.Ceiling((double)whole / (int)d!["width"]!)).Distinct().Order());
        }
    }

    [Fact]
    public void A_photograph_on_its_side_is_reduced_by_its_upright_size()
    {
        byte[] file = Convert.FromBase64String((string)Cases[2]!["file"]!); // 64 x 96, upright 96 x 64
        byte[] turned = JpegStripTests.WithOrientation(file, 6);
        using PixelBuffer wide = ImageDecoder.DecodeFor(new ImageInput(32, 48, AppliesOrientation: true, Draft: true), turned, "x.jpg");
        Assert.Equal((32, 48), (wide.Height, wide.Width));
        using PixelBuffer high = ImageDecoder.DecodeFor(new ImageInput(48, 32, AppliesOrientation: true, Draft: true), turned, "x.jpg");
        Assert.Equal((64, 96), (high.Height, high.Width)); // 48 rows are no half of 64
    }

    [Fact]
    public void Gray_is_made_of_the_draft_and_other_formats_are_read_whole()
    {
        byte[] file = Convert.FromBase64String((string)Cases[0]!["file"]!);
        var input = new ImageInput(5, 6, ResizeFilter.Bilinear, ColorMode.Grayscale, Draft: true);
        using PixelBuffer gray = ImageDecoder.DecodeFor(input, file, "x.jpg");
        Assert.Equal((7, 9, 1), (gray.Height, gray.Width, gray.Channels)); // an eighth of 50 x 67, rounded up
        byte[] ppm = [.. "P6 4 4 255\n"u8, .. new byte[48]];
        using PixelBuffer whole = ImageDecoder.DecodeFor(new ImageInput(1, 1, Draft: true), ppm, "x.ppm");
        Assert.Equal((4, 4), (whole.Height, whole.Width));
    }

    private static byte[] Read(byte[] file, ImageInput input)
    {
        using PixelBuffer image = ImageResize.Run(ImageDecoder.DecodeFor(input, file, "x.jpg"), input.Height, input.Width, input.Resize);
        return image.Pixels.ToArray();
    }
}
