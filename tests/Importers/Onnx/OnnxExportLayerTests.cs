using Graft.Importers.Onnx;
using Graft.Layers;
using Graft.Tests.Inference;
using Graft.Tests.Layers;
using Xunit;

namespace Graft.Tests.Importers.Onnx;

/// <summary>Every layer, exported and run by ONNX Runtime, against what it computes here.</summary>
public sealed class OnnxExportLayerTests
{
    // Of the output's scale: ONNX Runtime's own tanh, exp and sums differ in their last digits.
    private const double Tolerance = 2e-6;

    public static TheoryData<string> Names => LayerBatteryTests.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_layer_gives_its_numbers_in_ONNX_Runtime(string name)
    {
        Model model = LayerBatteryTests.Build(name);
        Drawn(model);
        Check(model, 3, LayerBatteryTests.Input(model, 3), new OnnxExportOptions(), Tolerance);
        Check(model, 1, LayerBatteryTests.Input(model, 1), new OnnxExportOptions { BatchSize = 1 }, Tolerance); // an extent of 1 among others
        model.Release();
    }

    [Theory]
    [InlineData("conv same stride 2")]
    [InlineData("conv transpose same")]
    [InlineData("max pool of volumes")]
    [InlineData("flatten")]
    [InlineData("permute")]
    [InlineData("dense")]
    public void Images_may_go_in_and_out_in_planes(string name)
    {
        Model model = LayerBatteryTests.Build(name);
        Drawn(model);
        Check(model, 2, LayerBatteryTests.Input(model, 2), new OnnxExportOptions { Layout = OnnxLayout.ChannelsFirst }, Tolerance);
        model.Release();
    }

    [Theory]
    [InlineData(18)]
    [InlineData(21)]
    public void Newer_operator_sets_give_the_same(int opset)
    {
        foreach (string name in new[] { "global average", "global max of volumes", "sparsemax", "lstm with all options", "resizing, filled up", "group norm", "gru" })
        {
            Model model = LayerBatteryTests.Build(name);
            Drawn(model);
            Check(model, 2, LayerBatteryTests.Input(model, 2), new OnnxExportOptions { Opset = opset }, Tolerance);
            model.Release();
        }
    }

    [Theory]
    [InlineData(Activation.ReLU6)]
    [InlineData(Activation.Softmax)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.GeluTanh)]
    [InlineData(Activation.SiLU)]
    [InlineData(Activation.ELU)]
    [InlineData(Activation.Softplus)]
    [InlineData(Activation.Softsign)]
    [InlineData(Activation.SELU)]
    [InlineData(Activation.HardSigmoid)]
    [InlineData(Activation.HardSigmoidKeras2)]
    [InlineData(Activation.Exponential)]
    [InlineData(Activation.LeakyReLU)]
    [InlineData(Activation.Mish)]
    [InlineData(Activation.LogSoftmax)]
    [InlineData(Activation.HardSiLU)]
    [InlineData(Activation.HardTanh)]
    [InlineData(Activation.LogSigmoid)]
    [InlineData(Activation.TanhShrink)]
    [InlineData(Activation.SoftShrink)]
    [InlineData(Activation.HardShrink)]
    [InlineData(Activation.SquarePlus)]
    [InlineData(Activation.SparsePlus)]
    [InlineData(Activation.SparseSigmoid)]
    [InlineData(Activation.CELU)]
    [InlineData(Activation.Sparsemax)]
    public void Every_activation_gives_its_numbers(Activation activation)
    {
        Node x = Node.Input(new Shape(40, 6), "x");
        var model = new Model(x, new ActivationLayer(activation).Apply(x));
        Check(model, 2, LayerBatteryTests.Input(model, 2), new OnnxExportOptions(), Tolerance);
    }

    [Fact]
    public void Graphs_in_which_everything_meets_everything_give_their_numbers()
    {
        foreach (Model model in new[] { PlanModels.Tangle(), PlanModels.DenseTangle() })
        {
            PlanModels.Fill(model);
            Check(model, 3, PlanModels.Samples(model, 3), new OnnxExportOptions(), 1e-5); // some ten layers deep: roundings add up
            model.Release();
        }
    }

    /// <summary>Gives statistics and other parameters that begin at 0 or 1 numbers under which they matter.</summary>
    internal static void Drawn(Model model)
    {
        var random = new Random(5);
        foreach (Parameter p in model.Parameters)
            p.Set([.. p.Value.ToArray().Select(v => v + 0.1f + 0.3f * random.NextSingle())]);
    }

    /// <summary>Compares all outputs for a batch: ONNX Runtime's with those of the plan.</summary>
    internal static void Check(Model model, int batch, float[] samples, OnnxExportOptions options, double tolerance)
    {
        using var run = new OrtRun(OnnxExport.ToBytes(model, options));
        Shape shape = model.Inputs[0].Shape.Prepend(batch);
        bool planes = options.Layout == OnnxLayout.ChannelsFirst;
        (Shape turned, float[] given) = planes ? Turned(shape, samples, toPlanes: true) : (shape, samples);
        (Shape Shape, float[] Values)[] expected = model.PredictAll([(shape, samples)]);
        Dictionary<string, (Shape Shape, float[] Values)> results = run.Run((run.Inputs[0], turned, given));
        Assert.Equal(expected.Length, results.Count);
        for (int i = 0; i < expected.Length; i++)
        {
            (Shape there, float[] values) = results[run.Outputs[i]];
            if (planes)
                (there, values) = Turned(there, values, toPlanes: false);
            Assert.Equal(expected[i].Shape, there);
            Assert.True(PlanModels.Deviation(expected[i].Values, values) <= tolerance, $"output {i}: {PlanModels.Deviation(expected[i].Values, values)} of the scale");
        }
    }

    /// <summary>Images and volumes with the channels behind the batch, or back; others as they are.</summary>
    private static (Shape Shape, float[] Values) Turned(Shape shape, float[] values, bool toPlanes)
    {
        if (shape.Rank < 4)
            return (shape, values);
        int[] inner = [.. Enumerable.Range(1, shape.Rank - 2)], order = toPlanes ? [0, shape.Rank - 1, .. inner] : [0, .. inner.Select(a => a + 1), 1];
        return (new Shape(Array.ConvertAll(order, a => shape[a])), Graft.Importers.AxisPermutation.Of(values, shape, order));
    }
}
