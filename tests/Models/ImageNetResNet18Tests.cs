using System.Runtime.InteropServices;
using Graft.Autograd;
using Graft.Importers.Onnx;
using Graft.Models;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Models;

public sealed class ImageNetResNet18Tests
{
    private static string Weights(string file) => Path.Combine(AppContext.BaseDirectory, "weights", file);

    [Fact]
    public void Features_equal_those_of_ONNX_Runtime()
    {
        byte[] pixels = File.ReadAllBytes(GraftShared.Path("data", "resnet18_reference", "input_u8_rgb_2x224x224x3.bin"));
        float[] expected = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(GraftShared.Path("data", "resnet18_reference", "features_f32_2x512.bin"))).ToArray();
        Model model = ImageNetResNet18.Build(224, 224, Pooling.Average);
        ImageNetResNet18.LoadWeights(model, OnnxWeights.Open(Weights("ResNet18.onnx")));
        Preprocessing preprocess = ImageNetResNet18.Preprocess(OnnxWeights.Open(Weights("ResNetPreprocess.onnx")));
        var x = new float[pixels.Length];
        for (int i = 0; i < 2; i++)
            preprocess.Apply(Array.ConvertAll(pixels.AsSpan(i * x.Length / 2, x.Length / 2).ToArray(), b => (float)b), new Shape(224, 224, 3), x.AsSpan(i * x.Length / 2, x.Length / 2));
        using var tape = new Tape(model.Device);
        float[] features = model.Forward(tape, [tape.Constant(new Shape(2, 224, 224, 3), x)]).ToArray();
        float scale = expected.Max(MathF.Abs);
        // 1e-4 of the scale: float32 rounding over 20 convolutions, summed in another order
        for (int i = 0; i < expected.Length; i++)
            Assert.True(MathF.Abs(expected[i] - features[i]) <= 1e-4f * scale, $"feature {i}: {features[i]}, expected {expected[i]}, scale {scale}");
    }

    [Fact]
    public void Weights_of_another_network_are_refused_with_what_is_missing()
    {
        Model vgg = Vgg16.Build(includeTop: false, 64, 64);
        var error = Assert.Throws<GraftException>(() => ImageNetResNet18.LoadWeights(vgg, OnnxWeights.Open(Weights("ResNet18.onnx"))));
        Assert.Contains("block1_conv1/kernel", error.Message, StringComparison.Ordinal);
        Assert.Contains("unused", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(16, true, 138_357_544)]
    [InlineData(16, false, 14_714_688)]
    [InlineData(18, true, 11_699_112)] // torchvision's 11,689,512 and the moving statistics of its 9,600 channels, twice 4,800
    [InlineData(34, true, 21_814_696)] // 21,797,672 and 17,024
    [InlineData(50, true, 25_636_712)]
    [InlineData(50, false, 23_587_712)]
    [InlineData(101, true, 44_707_176)]
    [InlineData(152, true, 60_419_944)]
    public void Parameter_counts_are_those_of_Keras_and_torchvision(int depth, bool top, long count)
    {
        Model model = depth == 16 ? Vgg16.Build(top) : ResNet.Build(depth, top);
        Assert.Equal(count, model.Parameters.Sum(p => p.Shape.Count));
    }

    [Fact]
    public void A_truncated_or_foreign_file_is_no_ONNX_model()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, File.ReadAllBytes(Weights("ResNet18.onnx"))[..1_000_000]);
            Assert.Contains(path, Assert.Throws<GraftException>(() => OnnxWeights.Open(path)).Message, StringComparison.Ordinal);
            File.WriteAllText(path, "<html>not found</html>");
            Assert.Contains(path, Assert.Throws<GraftException>(() => OnnxWeights.Open(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
