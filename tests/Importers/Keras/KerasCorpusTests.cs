using System.Text.Json.Nodes;
using Graft.Importers.Keras;
using Graft.Importers.Numpy;
using Graft.Layers;
using Xunit;

namespace Graft.Tests.Importers.Keras;

/// <summary>Real Keras files of many authors: those that come with Keras's outputs give them, all others load and run, or are refused for a reason that is known.</summary>
public sealed class KerasCorpusTests
{
    /// <summary>Share of the output's scale: float32 in another order of sums.</summary>
    private const double Tolerance = 1e-5;

    private const int OpenExtent = 6; // rows of an image or steps of a sequence that a file leaves open

    /// <summary>What is refused, each by a part of its message that names the reason.</summary>
    private static readonly Dictionary<string, string> s_refused = new()
    {
        ["examples/deepfm/deepfm.h5"] = "(Lambda) is Python bytecode",
        ["examples/lambda/sequential_lambda.h5"] = "(Lambda) is Python bytecode",
        ["weights/keras-attention.h5"] = "query [32], value [32] and key [32] do not fit", // without steps, Keras attends across the samples of a batch
        ["weights/space_to_depth_simple_tensorflow_1.h5"] = "(Lambda) is Python bytecode",
    };

    /// <summary>Files of inputs with what was trained on, and without what Keras predicted.</summary>
    private static readonly string[] s_withoutPredictions = ["simple_lstm_tf_keras_2_inputs_and_outputs.h5"];

    [Fact]
    public void Every_model_with_outputs_of_Keras_gives_them()
    {
        string root = GraftShared.Path("corpora", "dl4j-keras");
        var faults = new List<string>();
        int compared = 0;
        foreach (string io in Directory.GetFiles(root, "*_inputs_and_outputs.h5", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string stem = io[..^"_inputs_and_outputs.h5".Length];
            foreach ((string weights, string? architecture) in new[] { ($"{stem}_model.h5", (string?)null), ($"{stem}_weights.h5", $"{stem}_config.json") })
            {
                if (!File.Exists(weights))
                    continue;
                compared++;
                if (Compare(weights, architecture, io) is { } fault)
                    faults.Add($"{Path.GetRelativePath(root, weights)}: {fault}");
            }
        }
        Assert.True(faults.Count == 0, $"{faults.Count} of {compared}:\n{string.Join('\n', faults)}");
        Assert.True(compared > 0);
    }

    [Fact]
    public void Every_other_model_loads_and_runs_or_is_refused_for_a_known_reason()
    {
        string root = GraftShared.Path("corpora", "dl4j-keras");
        var faults = new List<string>();
        int models = 0;
        foreach (string path in Directory.GetFiles(root, "*", SearchOption.AllDirectories).Where(p => p.EndsWith(".h5", StringComparison.Ordinal) || p.EndsWith(".hdf5", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            string name = Path.GetRelativePath(root, path).Replace('\\', '/');
            if (name.EndsWith("_inputs_and_outputs.h5", StringComparison.Ordinal) || name.EndsWith("_weights.h5", StringComparison.Ordinal))
                continue;
            models++;
            if (Run(path, name) is { } fault)
                faults.Add($"{name}: {fault}");
        }
        Assert.True(faults.Count == 0, $"{faults.Count} of {models}:\n{string.Join('\n', faults)}");
        Assert.True(models > 0);
    }

    [Fact]
    public void Weights_of_a_Theano_LSTM_with_JSON_beside_them_load_and_run()
    {
        string folder = GraftShared.Path("corpora", "dl4j-keras", "other", "fullconfigs", "lstm");
        KerasModel model = new KerasImport().Open(Path.Combine(folder, "lstm_th_keras_2_weights.h5"), Path.Combine(folder, "lstm_th_keras_2_config.json"));
        (Shape shape, float[] expected) = NpyFile.Read(Path.Combine(folder, "predictions.npy")); // the inputs they belong to are not stored
        Node input = model.Model.Inputs[0];
        float[] y = model.Model.PredictAll([(input.Shape.Prepend(2), Random((int)input.Shape.Count * 2))])[0].Values;
        Assert.Equal(1, shape.Rank);
        Assert.All(y.Concat(expected), v => Assert.InRange(v, 0, 1)); // sigmoid
        model.Model.Release();
    }

    [Theory]
    [InlineData("KiLJ4EdeN__Streamlit_Minimal_ML/mnist.h5")]
    [InlineData("N-Harish__onnx_converted_model/mnist.h5")]
    [InlineData("finch1__Python-Works-CV-ML/mnist_cnn.h5")]
    [InlineData("ShreyanshGupta28__mnist_classification_app/model.h5")]
    [InlineData("ShreyanshGupta28__mnist_classification_app/model.keras")]
    [InlineData("maxiaodong97__CarND-Vehicle-Detection/cnn.h5")]
    [InlineData("oarriaga__face_classification/fer2013_mini_XCEPTION.102-0.66.hdf5")]
    public void A_model_from_the_wild_gives_the_outputs_of_an_independent_interpreter(string file)
    {
        string path = GraftShared.Path(["corpora", "wild", .. file.Split('/')]);
        JsonNode facts = JsonNode.Parse(File.ReadAllText($"{path}.expected.json"))!;
        var shape = new Shape([.. facts["input_shape"]!.AsArray().Select(d => (int)d!)]);
        float[] x = [.. Enumerable.Range(0, (int)shape.Count).Select(i => (float)(((i * 7919L) + 13) % 1000 / 1000.0))];
        KerasModel model = new KerasImport { InputShapes = new Dictionary<string, Shape> { [""] = shape.Tail() } }.Open(path);
        (Shape found, float[] y) = model.Model.PredictAll([(shape, x)])[0];
        Assert.Equal([.. facts["output_shape"]!.AsArray().Select(d => (int)d!)], found.Dims.ToArray());
        Assert.Null(Difference([.. facts["output_first_200"]!.AsArray().Select(v => (float)v!)], y[..Math.Min(200, y.Length)]));
        model.Model.Release();
    }

    [Fact]
    public void Before_2_0_6_the_slots_of_an_optimizer_go_by_the_names_of_the_weights()
    {
        KerasModel model = new KerasImport().Open(GraftShared.Path("corpora", "wild", "oarriaga__face_classification", "fer2013_mini_XCEPTION.102-0.66.hdf5")); // Keras 2.0.5
        Assert.DoesNotContain(model.Notes, n => n.Contains("without memory", StringComparison.Ordinal));
        Dictionary<string, float[]> state = model.Model.Optimizer!.ExportState(model.Model).ToDictionary(s => s.Name, s => s.Values);
        Parameter[] trained = [.. model.Model.Parameters.Where(p => p.IsTrainable)];
        Assert.Equal(2 * trained.Length, state.Count(s => s.Key.EndsWith("/momentum", StringComparison.Ordinal) || s.Key.EndsWith("/velocity", StringComparison.Ordinal)));
        Assert.All(state.Where(s => s.Key.EndsWith("/velocity", StringComparison.Ordinal)), s => Assert.All(s.Value, v => Assert.True(v >= 0 && v < 1))); // squares of gradients
        Assert.All(state.Where(s => s.Key.EndsWith("/momentum", StringComparison.Ordinal)), s => Assert.Contains(s.Value, v => v != 0));
        model.Model.Release();
    }

    [Fact]
    public void Three_files_of_one_model_give_the_same_outputs()
    {
        string folder = GraftShared.Path("corpora", "wild", "ShreyanshGupta28__mnist_classification_app");
        KerasModel[] models = [new KerasImport().Open(Path.Combine(folder, "model.h5")), new KerasImport().Open(Path.Combine(folder, "model.keras")),
            new KerasImport().Open(Path.Combine(folder, "model.weights.h5"), Path.Combine(folder, "model.keras"))];
        float[][] outputs = [.. models.Select(m => m.Model.PredictAll([(new Shape(2, 28, 28), Random(2 * 28 * 28))])[0].Values)];
        Assert.Equal(outputs[0], outputs[1]);
        Assert.Equal(outputs[0], outputs[2]);
        Array.ForEach(models, m => m.Model.Release());
    }

    [Fact]
    public void A_style_network_of_Keras_2_13_from_Windows_loads_and_runs()
    {
        string path = GraftShared.Path("corpora", "wild", "AliElgamel9__FastNeuralStyleTransfer", "model.keras");
        Assert.Null(Run(path, "AliElgamel9__FastNeuralStyleTransfer/model.keras"));
    }

    private static string? Compare(string weights, string? architecture, string io)
    {
        try
        {
            var inputs = KerasImport.InputsOf(weights, architecture);
            string[] stored = [.. Hdf5Arrays.NamesOf(io)];
            string[] x = [.. stored.Where(n => n.StartsWith("inputs/", StringComparison.Ordinal))];
            const string Predicted = "predictions/"; // "outputs" are what was trained on, in some files the same
            string[] y = [.. stored.Where(n => n.StartsWith(Predicted, StringComparison.Ordinal))];
            (Shape Shape, float[] Values)[] given = [.. inputs.Select((input, i) => Hdf5Arrays.Read(io, x.FirstOrDefault(n => n == $"inputs/{input.Name}") ?? x[i]))];
            KerasModel model = new KerasImport { InputShapes = inputs.Zip(given).ToDictionary(p => p.First.Name, p => p.Second.Shape.Tail()) }.Open(weights, architecture);
            (Shape Shape, float[] Values)[] found = model.Model.PredictAll(given);
            model.Model.Release();
            if (y.Length == 0)
                return s_withoutPredictions.Contains(Path.GetFileName(io)) ? null : "has no predictions beside it";
            for (int i = 0; i < found.Length; i++)
            {
                (Shape shape, float[] expected) = Hdf5Arrays.Read(io, y.FirstOrDefault(n => n == $"{Predicted}{model.OutputNames[i]}") ?? y[i]);
                if (!shape.Equals(found[i].Shape))
                    return $"output {found[i].Shape}, {shape} is due";
                if (Difference(expected, found[i].Values) is { } difference)
                    return difference;
            }
            return null;
        }
        catch (GraftException e)
        {
            return e.Message;
        }
    }

    private static string? Run(string path, string name)
    {
        string? refusal = s_refused.GetValueOrDefault(name);
        try
        {
            var inputs = KerasImport.InputsOf(path);
            var shapes = inputs.ToDictionary(i => i.Name, i => new Shape([.. (i.Shape ?? [null]).Select(d => d ?? OpenExtent)]));
            KerasModel model = new KerasImport { InputShapes = shapes }.Open(path);
            (Shape Shape, float[] Values)[] found = model.Model.PredictAll([.. model.Model.Inputs.Select(i => (i.Shape.Prepend(2), Input(model.Model, i)))]);
            string? fault = refusal is not null ? "is not refused"
                : found.Any(f => f.Values.Any(v => !float.IsFinite(v))) ? "gives what is not finite" : null;
            model.Model.Release();
            return fault;
        }
        catch (GraftException e)
        {
            return refusal is not null && e.Message.Contains(refusal, StringComparison.Ordinal) ? null : e.Message;
        }
    }

    private static string? Difference(float[] expected, float[] found)
    {
        double scale = expected.Max(v => Math.Abs((double)v)), most = expected.Zip(found, (e, f) => Math.Abs((double)e - f)).Max();
        return most <= Tolerance * scale ? null : $"differs by {most:g3} at scale {scale:g3}";
    }

    // Numbers between 0 and 1; ids of 0 and 1 where a table is read.
    private static float[] Input(Model model, Node input)
    {
        float[] x = Random((int)input.Shape.Count * 2);
        return model.Nodes.Any(n => n.Layer is Embedding && n.Inputs.Contains(input)) ? Array.ConvertAll(x, MathF.Round) : x;
    }

    private static float[] Random(int count)
    {
        var random = new Random(11);
        return [.. Enumerable.Range(0, count).Select(_ => (float)random.NextDouble())];
    }
}
