using System.Text.Json.Nodes;
using Graft.Importers.Images;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Importers.Images;

/// <summary>Files of many formats against stored results of Pillow (Golden/make_formats.py).</summary>
public sealed class FormatGoldenTests
{
    private static JsonArray Cases => JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Importers", "Images", "Golden", "formats.json")))!.AsArray();

    public static TheoryData<string> Names => [.. Cases.Select(c => (string)c!["name"]!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_file_becomes_the_pixels_that_Pillow_makes_of_it(string name)
    {
        JsonNode c = Cases.Single(c => (string)c!["name"]! == name)!;
        byte[] Bytes(string part) => Convert.FromBase64String((string)c[part]!);
        int tolerance = (int)c["tolerance"]!; // JPEG decoders round the transform differently
        foreach ((string part, ColorMode mode) in new[] { ("rgb", ColorMode.Rgb), ("gray", ColorMode.Grayscale) })
        {
            PixelImage image = ImageDecoder.Decode(Bytes("file"), name, mode, (bool)c["upright"]!);
            Assert.Equal(((int)c["height"]!, (int)c["width"]!, mode == ColorMode.Rgb ? 3 : 1), (image.Height, image.Width, image.Channels));
            byte[] expected = Bytes(part);
            int worst = expected.Select((v, i) => Math.Abs(v - image.Pixels[i])).Max();
            Assert.True(worst <= tolerance, $"{name}, {part}: {worst} levels off");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_file_that_is_cut_off_is_an_error_and_nothing_worse(string name)
    {
        byte[] file = Convert.FromBase64String((string)Cases.Single(c => (string)c!["name"]! == name)!["file"]!);
        foreach (int length in new[] { 1, 3, 9, file.Length / 4, file.Length / 2 })
        {
            GraftException error = Assert.Throws<GraftException>(() => ImageDecoder.Decode(file[..length], "cut.file"));
            Assert.StartsWith("cut.file: ", error.Message, StringComparison.Ordinal);
        }
    }
}
