using Graft.Importers.Numpy;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;
using static Graft.Tests.Cli.GraftRun;

namespace Graft.Tests.Cli;

/// <summary>graft run on models of this engine and of Keras.</summary>
[Collection("command line")]
public sealed class RunCommandTests : IDisposable
{
    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_Keras_model_runs_on_a_tensor_and_writes_one()
    {
        string model = GraftShared.Path("reference", "keras", "whole_models", "keras3", "small_resnet_adam.keras"), x = GraftShared.Path("reference", "keras", "training", "data", "x.npy");
        (int code, string output, string error) = Run("run", "--model", model, "--input", x, "--output", _files["y.npy"]);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains($"[32,5]: {_files["y.npy"]}", output, StringComparison.Ordinal);
        (Shape shape, float[] y) = NpyFile.Read(_files["y.npy"]);
        Assert.Equal(new Shape(32, 5), shape);
        Assert.All(y.Chunk(5), row => Assert.Equal(1, row.Sum(), 1e-5f));
    }

    [Theory]
    [InlineData("model.onnx")]
    [InlineData("model.bin")] // told by content
    public void An_ONNX_model_runs_on_a_tensor_in_its_own_order_of_axes(string name)
    {
        var model = new Sequential(6, 5, 3) { new Conv2D(4, 3, 3) { Activation = Activation.ReLU }, new GlobalAveragePooling2D() };
        Graft.Importers.Onnx.OnnxExport.Write(model, _files[name], new Graft.Importers.Onnx.OnnxExportOptions { Layout = Graft.Importers.Onnx.OnnxLayout.ChannelsFirst });
        float[] x = [.. Enumerable.Range(0, 2 * 90).Select(i => MathF.Sin(i))];
        NpyFile.Write(_files["x.npy"], new Shape(2, 3, 6, 5), Graft.Importers.AxisPermutation.Of(x, new Shape(2, 6, 5, 3), [0, 3, 1, 2]));
        (int code, _, string error) = Run("run", "--model", _files[name], "--input", _files["x.npy"], "--output", _files["y.npy"]);
        Assert.Equal((0, ""), (code, error));
        (Shape shape, float[] y) = NpyFile.Read(_files["y.npy"]);
        Assert.Equal(new Shape(2, 4), shape);
        float[] expected = [.. model.Predict(x, new Shape(2, 6, 5, 3)).SelectMany(r => r)];
        Assert.InRange(Inference.PlanModels.Deviation(expected, y), 0, 1e-6);
        model.Release();
    }

    [Fact]
    public void Several_inputs_go_by_name_and_several_outputs_by_number()
    {
        string model = TwoByTwo();
        NpyFile.Write(_files["a.npy"], new Shape(3, 2), [1, 2, 3, 4, 5, 6]);
        NpyFile.Write(_files["b.npy"], new Shape(3, 2), [10, 20, 30, 40, 50, 60]);
        (int code, string output, string error) = Run("run", "--model", model, "--input", $"b={_files["b.npy"]}", "--input", $"a={_files["a.npy"]}", "--output", _files["y.npy"]);
        Assert.Equal((0, ""), (code, error));
        Assert.Equal([11, 22, 33, 44, 55, 66], NpyFile.Read(_files["y_0.npy"]).Values);
        Assert.Equal([10, 40, 90, 160, 250, 360], NpyFile.Read(_files["y_1.npy"]).Values);
        Assert.Contains("sum [3,2]", output, StringComparison.Ordinal);
        Assert.Contains("product [3,2]", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Inputs_that_do_not_go_with_the_model_are_told_in_one_line()
    {
        string model = TwoByTwo();
        NpyFile.Write(_files["a.npy"], new Shape(3, 2), new float[6]);
        NpyFile.Write(_files["b.npy"], new Shape(2, 2), new float[4]);
        Fails("has 2 input(s) ('a', 'b'), and --input gives 1", "--model", model, "--input", _files["a.npy"], "--output", _files["y.npy"]);
        Fails("names no input", "--model", model, "--input", _files["a.npy"], "--input", $"b={_files["b.npy"]}", "--output", _files["y.npy"]);
        Fails("no such input", "--model", model, "--input", $"a={_files["a.npy"]}", "--input", $"c={_files["b.npy"]}", "--output", _files["y.npy"]);
        Fails("does not fit 'b' [3,2]", "--model", model, "--input", $"a={_files["a.npy"]}", "--input", $"b={_files["b.npy"]}", "--output", _files["y.npy"]);
        Fails("no such file", "--model", _files["none.keras"], "--input", _files["a.npy"], "--output", _files["y.npy"]);
        Fails("there is no folder", "--model", model, "--input", _files["a.npy"], "--output", _files["nowhere/y.npy"]);
        Assert.False(File.Exists(_files["y.npy"]));
    }

    private string TwoByTwo()
    {
        Node a = Node.Input(new Shape(2), "a"), b = Node.Input(new Shape(2), "b");
        var model = new Model([a, b], [new Add { Name = "sum" }.Apply(a, b), new Multiply { Name = "product" }.Apply(a, b)]);
        ModelFile.Save(model, _files["two.graft"]);
        return _files["two.graft"];
    }

    private static void Fails(string part, params string[] args)
    {
        (int code, _, string error) = Run(["run", .. args]);
        Assert.NotEqual(0, code);
        Assert.Contains(part, Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }
}
