using System.Diagnostics;
using Graft.Bench.Onnx;
using Graft.Bench.Torch;
using Graft.Importers.Onnx;
using Graft.Kernels;
using Microsoft.ML.OnnxRuntime;

namespace Graft.Bench.Quick;

/// <summary>
/// One contender alone in its process: its peak of memory can be told, and nothing of another engine disturbs it. The outputs are not
/// compared here: the runs side by side do that.
/// </summary>
internal static class AloneBench
{
    private const double Budget = 5; // seconds

    /// <summary>Runs one contender of a network in this process.</summary>
    public static IEnumerable<string> Run(ModelCase of, QuickOptions options)
    {
        if (options.Contender == QuickOptions.Graft)
        {
            Model model = of.Open();
            using var graft = new GraftModel(model, ModelCase.Pixels(of.InputShape(model)), of.InputShape(model));
            return [.. Measure(Contender.Forward(of.Name, of.Batch, graft.Run), options.Memory)];
        }
        Model shapes = of.Build();
        Shape input = of.InputShape(shapes), output = of.OutputShape(shapes);
        shapes.Release(); // its memory is not ONNX Runtime's
        shapes.Device.Pool.Trim();
        string file = options.OnnxFile ?? WriteOnnx(of);
        try
        {
            using var ort = new OrtModel(o => new InferenceSession(file, o), ModelCase.Pixels(input), input, output, CpuThreads.Count);
            return [.. Measure(Contender.Forward(of.OrtName, of.Batch, ort.Run), options.Memory)];
        }
        finally
        {
            if (options.OnnxFile is null)
                File.Delete(file);
        }
    }

    /// <summary>Runs one contender of a training step in this process; libtorch, where it does not load, gives no line.</summary>
    public static IEnumerable<string> Run(StepCase of, QuickOptions options)
    {
        if (options.Contender == QuickOptions.Graft)
        {
            using var graft = new GraftStep(of);
            return [.. Measure(Contender.Step(of.Name, of.Batch, graft.Run), options.Memory)];
        }
        if (!TorchLibrary.Loads)
        {
            Console.Error.WriteLine($"# {of.TorchName} is left out: {TorchLibrary.Reason}");
            return [];
        }
        using var torch = new TorchStep(of);
        return [.. Measure(Contender.Step(of.TorchName, of.Batch, torch.Run), options.Memory)];
    }

    /// <summary>Both contenders of a training step, each in a process of its own.</summary>
    /// <returns>False where one failed.</returns>
    public static bool RunApart(StepCase of, QuickOptions options) =>
        RunChild(of.Name, options, QuickOptions.Graft, []) & RunChild(of.Name, options, QuickOptions.Torch, []);

    /// <summary>Both contenders, each in a process of its own.</summary>
    /// <returns>False where one failed.</returns>
    public static bool RunApart(ModelCase of, QuickOptions options)
    {
        string file = WriteOnnx(of);
        try
        {
            return RunChild(of.Name, options, QuickOptions.Graft, ["--onnx", file]) & RunChild(of.Name, options, QuickOptions.Ort, ["--onnx", file]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static IEnumerable<string> Measure(Contender contender, bool memory)
    {
        PeakMemory.Restart();
        double[] seconds = PairedRounds.Measure([contender], Budget)[0];
        double peak = PeakMemory.Mebibytes();
        yield return QuickBench.Line(contender, seconds);
        if (memory)
            yield return QuickBench.Line(contender with { Name = $"{contender.Name}-memory", Unit = "MiB", Figure = mebibytes => mebibytes }, [peak]);
    }

    private static string WriteOnnx(ModelCase of)
    {
        string file = Path.Combine(Path.GetTempPath(), $"graft-bench-{Environment.ProcessId}-{of.Name}.onnx");
        Model model = of.Open();
        OnnxExport.Write(model, file, new OnnxExportOptions { Layout = OnnxLayout.ChannelsFirst, BatchSize = of.Batch });
        model.Release();
        model.Device.Pool.Trim();
        return file;
    }

    private static bool RunChild(string name, QuickOptions options, string contender, string[] more)
    {
        string program = Environment.ProcessPath ?? throw new GraftException("The path of this program is not known, so that no second one can be started; use --contender.");
        string[] host = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [typeof(AloneBench).Assembly.Location] : [];
        using Process child = Process.Start(program, [.. host, "quick", "--threads", $"{options.Threads}", "--only", name, "--contender", contender, "--memory", .. more]);
        child.WaitForExit();
        return child.ExitCode == 0;
    }
}
