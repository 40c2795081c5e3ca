using System.Text.Json.Nodes;
using Graft.Importers.Onnx;
using Graft.Tests.Inference;
using Xunit;

namespace Graft.Tests.Importers.Onnx;

/// <summary>ONNX files by others, against what is stored beside them and against ONNX Runtime.</summary>
public sealed class OnnxWildTests
{
    [Theory]
    [InlineData("N-Harish__onnx_converted_model", "onnx_mnist.onnx")] // keras2onnx: transposes at the edges, products and sums for dense layers
    [InlineData("COLVERTYETY__cifar100edge", "model.onnx")] // PyTorch: planes, a reshape to one sample, selu
    public void A_file_gives_what_ONNX_Runtime_gives(string folder, string name)
    {
        string path = GraftShared.Path("corpora", "wild", folder, name);
        Model model = OnnxImport.Load(path);
        using var run = new OrtRun(path);
        float[] x = PlanModels.Samples(model, 1);
        Shape shape = model.Inputs[0].Shape.Prepend(1);
        (Shape there, float[] expected) = run.Run(shape, x);
        (Shape here, float[] actual) = model.PredictAll([(shape, x)])[0];
        Assert.Equal(there, here);
        Assert.InRange(PlanModels.Deviation(expected, actual), 0, 1e-5); // some five layers
        model.Release();
    }

    [Fact]
    public void A_file_gives_what_is_stored_for_the_Keras_model_that_it_was_made_from()
    {
        string folder = GraftShared.Path("corpora", "wild", "N-Harish__onnx_converted_model");
        float[] expected = [.. JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "mnist.h5.expected.json")))!["output_first_200"]!.AsArray().Select(v => (float)v!)];
        Model model = OnnxImport.Load(Path.Combine(folder, "onnx_mnist.onnx"));
        float[] x = [.. Enumerable.Range(0, 28 * 28).Select(i => (i * 7919 + 13) % 1000 / 1000f)]; // as the file says
        Assert.InRange(PlanModels.Deviation(expected, model.PredictAll([(new Shape(1, 28, 28, 1), x)])[0].Values), 0, 2e-6); // ten digits are stored; five layers of float32 here
        model.Release();
    }
}
