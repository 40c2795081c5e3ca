using Graft.Importers.Onnx;
using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Tests.Inference;
using Graft.Tests.Layers;
using Xunit;

namespace Graft.Tests.Importers.Onnx;

/// <summary>Models that were exported and read again give the same numbers as before.</summary>
public sealed class OnnxImportTests : IDisposable
{
    private const double Tolerance = 2e-6; // of the output's scale: products are summed in another order, formulas written in other parts

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    // What is computed from computed values, or step by step, is no layer of a feed-forward file.
    private static readonly Dictionary<string, string> Refused = new()
    {
        ["locally connected sequences"] = "takes steps of 2",
        ["locally connected images"] = "takes steps of 2",
        ["unit normalization"] = "(ReduceSum): is not known",
        ["unit normalization over two axes"] = "(ReduceSum): is not known",
        ["sparsemax"] = "(TopK): is not known",
        ["normalization of places, given, inverted"] = "differs along several axes",
        ["resizing"] = "neither the other way round",
        ["resizing of a part"] = "neither the other way round",
        ["resizing, filled up"] = "neither the other way round",
        ["center crop of a smaller image"] = "neither the other way round",
        ["random crop"] = "neither the other way round",
        ["random crop of a smaller image"] = "neither the other way round",
        ["bidirectional conv lstm"] = Samples,
        ["conv lstm 1d"] = Samples,
        ["conv lstm 2d"] = Samples,
        ["conv lstm 2d with all options"] = Samples,
        ["conv lstm 3d"] = Samples,
        ["time distributed dense"] = Samples,
        ["time distributed conv"] = Samples,
        ["time distributed lstm"] = Samples,
        ["masking"] = "(Equal): is not known",
    };

    private const string Samples = "the axis of samples must stay by itself";

    public static TheoryData<string> Names => LayerBatteryTests.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void A_layer_comes_back(string name)
    {
        Model model = LayerBatteryTests.Build(name);
        OnnxExportLayerTests.Drawn(model);
        string path = _files["layer.onnx"];
        OnnxExport.Write(model, path);
        if (Refused.TryGetValue(name, out string? why))
        {
            Assert.Contains(why, Assert.Throws<GraftException>(() => OnnxImport.Load(path)).Message, StringComparison.Ordinal);
            model.Release();
            return;
        }
        Equal(model, OnnxImport.Load(path), LayerBatteryTests.Input(model, 3), 3, Tolerance);
        model.Release();
    }

    [Theory]
    [MemberData(nameof(OnnxExportModelTests.Names), MemberType = typeof(OnnxExportModelTests))]
    public void A_network_comes_back(string name)
    {
        OnnxExportModelTests.SkipDeep(name);
        Model model = OnnxExportModelTests.Build(name);
        foreach (OnnxLayout layout in Enum.GetValues<OnnxLayout>())
        {
            string path = _files[$"{layout}.onnx"];
            OnnxExport.Write(model, path, new OnnxExportOptions { Layout = layout });
            Model back = OnnxImport.Load(path);
            if (layout == OnnxLayout.ChannelsLast)
                Equal(model, back, PlanModels.Samples(model, 2), 2, 1e-5); // algorithms are those of the plan both times
            else
                Assert.Equal([3, model.Inputs[0].Shape[0], model.Inputs[0].Shape[1]], back.Inputs[0].Shape.Dims.ToArray());
            back.Release();
        }
        model.Release();
    }

    [Fact]
    public void A_network_comes_back_layer_by_layer()
    {
        Model model = OnnxExportModelTests.Build("vgg16 with top");
        model.Preprocessing = Graft.Training.Preprocessing.Caffe;
        model.ClassNames = [.. Enumerable.Range(0, 10).Select(i => $"class {i}")];
        OnnxExport.Write(model, _files["vgg.onnx"]);
        Model back = OnnxImport.Load(_files["vgg.onnx"]);
        Assert.Equal(13, back.Layers.OfType<Conv2D>().Count());
        Assert.Equal(3, back.Layers.OfType<Dense>().Count());
        Assert.DoesNotContain(back.Layers, l => l is Permute);
        Assert.Contains(back.Layers, l => l.Name == "block1_conv1");
        Assert.Equal(model.Parameters.Sum(p => p.Shape.Count), back.Parameters.Sum(p => p.Shape.Count));
        Assert.Equal("caffe", back.Preprocessing!.Name);
        Assert.Equal(model.ClassNames, back.ClassNames);
        back.Release();
        model.Release();
    }

    [Fact]
    public void Preprocessing_inside_a_file_becomes_layers()
    {
        foreach (Graft.Training.Preprocessing preprocessing in new[] { Graft.Training.Preprocessing.Caffe, Graft.Training.Preprocessing.Tf, Graft.Training.Preprocessing.Torch })
        {
            Node x = Node.Input(new Shape(8, 6, 3));
            var model = new Model(x, new Conv2D(4, 3, 3).Apply(x)) { Preprocessing = preprocessing };
            OnnxExport.Write(model, _files["pixels.onnx"], new OnnxExportOptions { IncludePreprocessing = true });
            Model back = OnnxImport.Load(_files["pixels.onnx"]);
            Assert.Equal("none", back.Preprocessing!.Name);
            float[] pixels = [.. Enumerable.Range(0, 2 * 144).Select(i => (float)(i * 37 % 256))];
            var prepared = new float[pixels.Length];
            preprocessing.Apply(pixels, new Shape(2, 8, 6, 3), prepared);
            float[] expected = model.PredictAll([(new Shape(2, 8, 6, 3), prepared)])[0].Values;
            Assert.InRange(PlanModels.Deviation(expected, back.PredictAll([(new Shape(2, 8, 6, 3), pixels)])[0].Values), 0, Tolerance);
            back.Release();
            model.Release();
        }
    }

    [Fact]
    public void What_was_read_can_be_saved_and_trained()
    {
        Model model = OnnxExportModelTests.Build("squeezenet");
        OnnxExport.Write(model, _files["s.onnx"]);
        Model back = OnnxImport.Load(_files["s.onnx"]);
        float[] x = PlanModels.Samples(back, 2);
        Graft.Weights.ModelFile.Save(back, _files["s.graft"]);
        Model saved = Graft.Weights.ModelFile.Load(_files["s.graft"]).Model;
        Shape shape = back.Inputs[0].Shape.Prepend(2);
        Assert.Equal(back.PredictAll([(shape, x)])[0].Values, saved.PredictAll([(shape, x)])[0].Values);
        using (var tape = new Graft.Autograd.Tape(back.Device) { Training = true })
        {
            Tensor y = back.Forward(tape, [tape.Constant(shape, x)]);
            tape.Backward(y, [.. Enumerable.Repeat(1f, (int)y.Count)]);
            Assert.All(back.Parameters.Where(p => p.IsTrainable), p => Assert.NotNull(tape.Gradient(p.Value)));
        }
        saved.Release();
        back.Release();
        model.Release();
    }

    [Fact]
    public void A_node_that_is_not_known_is_refused_by_file_name_and_operator()
    {
        var graph = new OnnxGraph();
        graph.Inputs.Add(("x", OnnxType.Float, ["batch", "4"]));
        graph.Outputs.Add((graph.Node("Det", "strange", ["x"]), OnnxType.Float, ["batch"]));
        string path = _files.Write("strange.onnx", new OnnxModelWriter(graph, "g", 17, []).ToArray());
        string message = Assert.Throws<GraftException>(() => OnnxImport.Load(path)).Message;
        Assert.Contains($"{path}: node 'strange' (Det): is not known here; known are Abs, Add, AveragePool,", message, StringComparison.Ordinal);
    }

    internal static void Equal(Model expected, Model actual, float[] samples, int count, double tolerance)
    {
        (Shape Shape, float[] Values)[] due = expected.PredictAll([(expected.Inputs[0].Shape.Prepend(count), samples)]), given = actual.PredictAll([(actual.Inputs[0].Shape.Prepend(count), samples)]);
        Assert.Equal(due.Length, given.Length);
        for (int i = 0; i < due.Length; i++)
        {
            Assert.Equal(due[i].Shape, given[i].Shape);
            Assert.True(PlanModels.Deviation(due[i].Values, given[i].Values) <= tolerance, $"output {i}: {PlanModels.Deviation(due[i].Values, given[i].Values)} of the scale");
        }
        actual.Release();
    }
}
