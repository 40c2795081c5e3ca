using System.Text.Json.Nodes;
using Graft.Importers.Images;
using Graft.Tests.Golden;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Importers.Images;

/// <summary>Augmentation and resizing against stored outputs of keras-preprocessing 1.1.2 and Pillow.</summary>
public sealed class TransformGoldenTests
{
    private static string Golden(string file) => Path.Combine(AppContext.BaseDirectory, "Importers", "Images", "Golden", file);

    private static JsonArray Cases => JsonNode.Parse(File.ReadAllText(Golden("augmentation.json")))!.AsArray();

    public static TheoryData<string> Names => [.. Cases.Select(c => (string)c!["name"]!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_transform_gives_what_keras_preprocessing_gives(string name)
    {
        int index = Cases.Select(c => (string)c!["name"]!).ToList().IndexOf(name);
        JsonNode c = Cases[index]!;
        double Value(string key, double missing = 0) => c[key] is { } v ? (double)v : missing;
        (int[] shape, float[] all) = Npy.Read(Golden("augmentation.npy.gz"));
        float[] x = Npy.Read(Golden("augmentation_input.npy")).Values;
        string mode = name.Split('/')[0];
        float[] y = new ImageTransform
        {
            Theta = Value("theta"), Tx = Value("tx"), Ty = Value("ty"), Shear = Value("shear"), Zx = Value("zx", 1), Zy = Value("zy", 1),
            FlipHorizontal = c["flip_horizontal"] is not null, FlipVertical = c["flip_vertical"] is not null,
            ChannelShift = Value("channel_shift_intensity"), Brightness = c["brightness"] is { } b ? (double)b : null,
            FillMode = Enum.Parse<FillMode>(mode, ignoreCase: true), FillValue = 17, CentreOffset = 0.5,
        }.Apply(x, shape[1], shape[2]);
        float[] expected = all[(index * x.Length)..((index + 1) * x.Length)];
        float tolerance = c["brightness"] is null ? 1e-3f : 1; // brightness goes through 8 bits: one level
        float worst = expected.Select((v, i) => MathF.Abs(v - y[i])).Max();
        Assert.True(worst <= tolerance, $"{name}: {worst} off at element {Array.FindIndex(expected.Select((v, i) => MathF.Abs(v - y[i])).ToArray(), d => d == worst)}");
    }

    [Theory]
    [InlineData(ResizeFilter.Nearest, 0)]
    [InlineData(ResizeFilter.Bilinear, 1)]
    [InlineData(ResizeFilter.Bicubic, 1)]
    [InlineData(ResizeFilter.Lanczos, 1)]
    public void Resizing_gives_what_Pillow_gives(ResizeFilter filter, int tolerance)
    {
        (int[] shape, float[] all) = Npy.Read(Golden($"resize_{filter.ToString().ToLowerInvariant()}.npy.gz"));
        string[] files = ["Dogs/dog_palette.png", "birds/a.png", "cats/cat.10.png"];
        int size = shape[1] * shape[2] * 3;
        for (int i = 0; i < files.Length; i++)
        {
            PixelImage image = ImageDecoder.Decode(GraftShared.Path("reference", "keras", "preprocessing", "flow_from_directory", "images", files[i]));
            byte[] rgb = ImageResize.Run(image, shape[1], shape[2], filter).Pixels;
            int worst = rgb.Select((v, j) => (int)Math.Abs(v - all[i * size + j])).Max();
            Assert.True(worst <= tolerance, $"{files[i]}, {filter}: {worst} levels off");
        }
    }
}
