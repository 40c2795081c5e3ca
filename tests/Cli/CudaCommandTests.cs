using System.Globalization;
using System.Text.RegularExpressions;
using Graft.Importers.Numpy;
using Graft.Layers;
using Graft.Tests.CudaEmulator;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>The commands that run a model, with --device cuda on the emulated GPU, each as a program of its own: they print and write what they do on the processor.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed partial class CudaCommandTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    /// <summary>Sums in another order: some roundings a step, which Adam carries on through some ten steps.</summary>
    private const double Tolerance = 1e-3;

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void The_demo_learns_and_its_model_is_evaluated_and_predicts()
    {
        Assert.SkipUnless(File.Exists(Path.Combine(AppContext.BaseDirectory, "weights", "ResNet18.onnx")), "The demo's weights are not beside the program: scripts/gpu-check leaves them out.");
        emulator.Begin(nameof(The_demo_learns_and_its_model_is_evaluated_and_predicts));
        foreach (string device in new[] { "cuda", "cpu" })
        {
            string output = Run(device, "demo", "--flowers", "3", "--size", "32", "--output", _files[device]);
            Assert.Contains(device == "cuda" ? "Device: cuda:0 (" : "Device: cpu", output, StringComparison.Ordinal);
            Assert.Matches(@"val_accuracy=\d\.\d{4}\n$", output);
        }
        Same(Losses(_files["cpu/history.csv"]), Losses(_files["cuda/history.csv"]));

        string model = _files["cuda/model.graft"], images = _files["cuda/images/validation"];
        string Evaluate(string device) => Rate().Replace(Run(device, "evaluate", "--model", model, "--data", images), "");
        Assert.Equal(Evaluate("cpu"), Evaluate("cuda"));
        string Predict(string device) => Run(device, "predict", "--model", model, Path.Combine(images, "tulip", "000.jpg"));
        Assert.Equal(Predict("cpu"), Predict("cuda"));
    }

    [Fact]
    public void Classes_of_pixels_are_learned_as_on_the_processor()
    {
        emulator.Begin(nameof(Classes_of_pixels_are_learned_as_on_the_processor));
        var model = new Sequential(32, 32, 3)
        {
            new Conv2D(8, 3) { Strides = (2, 2), Padding = Padding.Same, Activation = Activation.ReLU }, new Conv2D(8, 3) { Strides = (3, 3), Padding = Padding.Same, Activation = Activation.ReLU }, new Dense(2),
        };
        ModelFile.Save(model, _files["base.graft"]);
        model.Release();
        DiscsAndSquares.Write(_files["photographs"], _files["masks"], 6, seed: 1);
        double[] Learned(string device, string precision)
        {
            Run(device, "finetune", "--data", _files["photographs"], "--masks", _files["masks"], "--ignore", "255", "--base", _files["base.graft"], "--preprocess", "rescale", "--epochs", "2", "--size", "32", "--batch", "4",
                "--loss", "cross-entropy+dice", "--class-weights", "balanced", "--precision", precision, "--output", _files["out"]);
            return Losses(_files["out/history.csv"]);
        }
        double[] expected = Learned("cpu", "float32");
        Same(expected, Learned("cuda", "float32"));
        const double Digits = 0.03; // bf16 has two to three
        Assert.All(expected.Zip(Learned("cuda", "bf16")), p => Assert.Equal(p.First, p.Second, Digits * p.First));
    }

    [Fact]
    public void A_base_is_fine_tuned_on_the_GPU_that_is_the_default()
    {
        emulator.Begin(nameof(A_base_is_fine_tuned_on_the_GPU_that_is_the_default));
        var model = new Sequential(32, 32, 3)
        {
            new Conv2D(8, 3, 3) { Padding = Padding.Same, Activation = Activation.ReLU }, new MaxPooling2D(), new Conv2D(8, 3, 3) { Activation = Activation.ReLU }, new Flatten(), new Dense(4),
        };
        ModelFile.Save(model, _files["base.graft"]);
        model.Release();
        FlowerSet(_files["data"]);
        string[] command = ["finetune", "--data", _files["data"], "--base", _files["base.graft"], "--preprocess", "rescale", "--epochs", "3", "--size", "32", "--batch", "4", "--seed", "1", "--output"];
        string output = Run(null, [.. command, _files["gpu"]]);
        Assert.Contains("Device: cuda:0 (CUDA is usable: ", output, StringComparison.Ordinal);
        Run("cpu", [.. command, _files["cpu"]]);
        Same(Losses(_files["cpu/history.csv"]), Losses(_files["gpu/history.csv"]));
    }

    [Fact]
    public void A_recurrent_model_runs_on_tensors_of_a_file()
    {
        emulator.Begin(nameof(A_recurrent_model_runs_on_tensors_of_a_file));
        var model = new Sequential(7, 3) { new Bidirectional(new LSTM(5) { ReturnSequences = true }), new GRU(4), new Dense(2) };
        ModelFile.Save(model, _files["model.graft"]);
        model.Release();
        var random = new Random(1);
        NpyFile.Write(_files["x.npy"], new Shape(6, 7, 3), [.. Enumerable.Range(0, 6 * 7 * 3).Select(_ => random.NextSingle() * 2 - 1)]);
        foreach (string device in new[] { "cpu", "cuda" })
            Run(device, "run", "--model", _files["model.graft"], "--input", _files["x.npy"], "--output", _files[$"{device}.npy"]);
        (Shape shape, float[] y) = NpyFile.Read(_files["cuda.npy"]);
        Assert.Equal(new Shape(6, 2), shape);
        Assert.All(NpyFile.Read(_files["cpu.npy"]).Values.Zip(y), p => Assert.Equal(p.First, p.Second, 1e-5));
    }

    [Fact]
    public void A_new_language_model_learns_a_text()
    {
        emulator.Begin(nameof(A_new_language_model_learns_a_text));
        File.WriteAllText(_files["a.txt"], string.Concat(Enumerable.Range(0, 12).Select(i => $"the {i} flowers of spring are {(i % 2 == 0 ? "white" : "red")}\n")));
        foreach (string device in new[] { "cpu", "cuda" })
        {
            Run(device, "finetune-text", "--new", "1x16x2", "--text", _files["a.txt"], "--block", "16", "--batch", "4", "--epochs", "2", "--learning-rate", "0.01", "--sample-tokens", "0",
                "--output", _files[device]);
        }
        Same(Losses(_files["cpu/history.csv"]), Losses(_files["cuda/history.csv"]));
    }

    /// <summary>Runs a command, on the default device where none is named, and returns what it printed.</summary>
    private string Run(string? device, params string[] command)
    {
        (int code, string output, string error) = GraftProcess.Run(emulator.Folder, [.. command, .. device is null ? (string[])[] : ["--device", device]]);
        Assert.True(code == 0, $"{string.Join(' ', command)}: exit code {code}\n{error}{output}");
        return output;
    }

    [GeneratedRegex(@", [\d.,]+ images/s")]
    private static partial Regex Rate();

    private static void FlowerSet(string folder)
    {
        foreach (string kind in new[] { "rose", "tulip" })
        {
            Directory.CreateDirectory(Path.Combine(folder, kind));
            for (int i = 0; i < 6; i++)
                File.WriteAllBytes(Path.Combine(folder, kind, $"{i}.jpg"), Graft.Cli.FlowerPainter.Paint(kind, i));
        }
    }

    private static double[] Losses(string csv)
    {
        string[][] rows = [.. File.ReadLines(csv).Select(l => l.Split(','))];
        int[] columns = [Array.IndexOf(rows[0], "loss"), Array.IndexOf(rows[0], "val_loss")];
        return [.. rows.Skip(1).SelectMany(row => columns.Select(c => double.Parse(row[c], CultureInfo.InvariantCulture)))];
    }

    private static void Same(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, Tolerance * Math.Max(1, p.First)));
    }
}
