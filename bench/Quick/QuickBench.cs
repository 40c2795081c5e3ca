using System.Globalization;
using Graft.Bench.Torch;
using Graft.Kernels;
using Graft.Kernels.Cpu;

namespace Graft.Bench.Quick;

/// <summary>
/// The figures that say how fast Graft is on this machine, beside ONNX Runtime (training: libtorch) in the same process, in some minutes. Standard output
/// has a line a figure: name, unit, median, min and max over the rounds, separated by tabs; all else goes to standard error.
/// </summary>
internal static unsafe class QuickBench
{
    private const double PeakBudget = 2, ModelBudget = 5, StepBudget = 5; // seconds

    private static readonly string[] Peaks = ["fma-peak", "gemm-1024"];

    private static readonly IQuickCase[] Others = [new HeadStepCase(), new ImageLoadingCase(), new SeedProgramCase(), new Gpt2Case(), new Gpt2LoadCase(), new Gpt2StepCase(), new CudaCase()];

    /// <summary>Runs what the arguments ask for.</summary>
    /// <returns>0; 1 where two engines disagree; 2 where the arguments are not understood.</returns>
    public static int Run(ReadOnlySpan<string> arguments)
    {
        try
        {
            QuickOptions options = QuickOptions.Parse(arguments);
            CpuThreads.Count = options.Threads;
            return Run(options);
        }
        catch (GraftException e)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }
    }

    /// <summary>A line of standard output.</summary>
    public static string Line(Contender contender, double[] seconds)
    {
        double[] figures = [.. seconds.Select(contender.Figure)];
        return string.Join('\t', contender.Name, contender.Unit, Text(PairedRounds.Median(figures)), Text(figures.Min()), Text(figures.Max()));
    }

    private static int Run(QuickOptions options)
    {
        ModelCase[] networks = options.RunsNetworks ? ModelCase.All : [];
        StepCase[] trainings = options.RunsSteps ? StepCase.All : [];
        bool wantsPeaks = !options.IsApart && Peaks.Any(options.Wants);
        ModelCase[] models = [.. networks.Where(m => options.Wants(m.Name) || options.Wants(m.OrtName))];
        StepCase[] steps = [.. trainings.Where(s => options.Wants(s.Name) || options.Wants(s.TorchName))];
        IQuickCase[] others = [.. Others.Where(c => !options.IsApart && c.Names.Any(options.Wants))];
        if (!wantsPeaks && models.Length == 0 && steps.Length == 0 && others.Length == 0)
        {
            string[] all = [.. Peaks, .. ModelCase.Names, .. StepCase.All.Select(s => s.Name), .. Others.SelectMany(c => c.Names)];
            string[] possible = options.IsApart ? [.. networks.Select(m => m.Name), .. trainings.Select(s => s.Name)] : all;
            throw options.Nothing(possible, all.Except(possible));
        }
        Console.Error.WriteLine($"# {Machine.Describe()}; {options.Threads} thread(s) an engine");
        if (wantsPeaks)
            MeasurePeaks(options);
        bool fine = true;
        foreach (ModelCase model in models)
            fine &= Run(model, options);
        foreach (StepCase step in steps)
            fine &= Run(step, options);
        foreach (IQuickCase other in others)
            fine &= other.Run(options, line => Print([line]), note => Console.Error.WriteLine($"# {note}"));
        return fine ? 0 : 1;
    }

    /// <summary>One network; false where something was wrong.</summary>
    private static bool Run(ModelCase model, QuickOptions options)
    {
        if (options.Contender is not null)
        {
            Print(AloneBench.Run(model, options));
            return true;
        }
        if (options.Memory)
            return AloneBench.RunApart(model, options);
        using var pair = new ModelPair(model);
        return Measure(model.Name, pair.Contenders, pair.Deviation());
    }

    /// <summary>One training step; false where something was wrong.</summary>
    private static bool Run(StepCase step, QuickOptions options)
    {
        if (options.Contender is not null)
        {
            Print(AloneBench.Run(step, options));
            return true;
        }
        if (options.Memory)
            return AloneBench.RunApart(step, options);
        using var graft = new GraftStep(step);
        Contender ours = Contender.Step(step.Name, step.Batch, graft.Run);
        if (!TorchLibrary.Loads)
        {
            Console.Error.WriteLine($"# {step.TorchName} is left out: {TorchLibrary.Reason}");
            Print([Line(ours, PairedRounds.Measure([ours], StepBudget)[0])]);
            return true;
        }
        using var torch = new TorchStep(step);
        return Measure(step, graft, torch, ours);
    }

    /// <summary>Compares the first losses, times and prints; false where they differ.</summary>
    private static bool Measure(StepCase step, GraftStep graft, TorchStep torch, Contender ours)
    {
        graft.Run();
        torch.Run();
        double deviation = OutputCheck.Deviation([graft.Loss], [torch.Loss]);
        if (!(deviation <= OutputCheck.LossTolerance))
        {
            Console.Error.WriteLine($"{step.Name}: Graft's loss is {Text(graft.Loss)}, libtorch's {Text(torch.Loss)}. It is not timed.");
            return false;
        }
        Contender[] contenders = [ours, Contender.Step(step.TorchName, step.Batch, torch.Run)];
        Print(contenders.Zip(PairedRounds.Measure(contenders, StepBudget), Line));
        return true;
    }

    private static void MeasurePeaks(QuickOptions options)
    {
        const int Size = 1024, Pieces = 512, Rounds = 1 << 16;
        using HostBuffer a = new(Size * Size), b = new(Size * Size), c = new(Size * Size);
        float* pa = a.Data.Pointer, pb = b.Data.Pointer, pc = c.Data.Pointer;
        Contender[] contenders =
        [
            Contender.Flops(Peaks[0], FmaPeak.Flops((long)Pieces * Rounds), () => FmaPeak.RunThreaded(Pieces, Rounds)),
            Contender.Flops(Peaks[1], 2.0 * Size * Size * Size, () => Gemm.Run(false, false, Size, Size, Size, pa, Size, pb, Size, pc, Size, beta: 0)),
        ];
        Contender[] wanted = [.. contenders.Where(c => options.Wants(c.Name))];
        Print(wanted.Zip(PairedRounds.Measure(wanted, PeakBudget), Line));
    }

    /// <summary>Compares, times and prints one network; false where the engines disagree.</summary>
    private static bool Measure(string name, IReadOnlyList<Contender> contenders, double deviation)
    {
        if (!(deviation <= OutputCheck.Tolerance))
        {
            Console.Error.WriteLine($"{name}: Graft's output deviates from ONNX Runtime's by {Text(deviation)}; {Text(OutputCheck.Tolerance)} is allowed. It is not timed.");
            return false;
        }
        double[][] seconds = PairedRounds.Measure(contenders, ModelBudget);
        double ratio = PairedRounds.Median(seconds[0].Zip(seconds[1], (graft, ort) => ort / graft));
        Console.Error.WriteLine($"# {name}: outputs differ by {Text(deviation)} at most; {seconds[0].Length} rounds; Graft runs at {Text(ratio)} times ONNX Runtime's speed");
        Print(contenders.Zip(seconds, Line));
        return true;
    }

    private static void Print(IEnumerable<string> lines)
    {
        foreach (string line in lines)
            Console.WriteLine(line);
        Console.Out.Flush();
    }

    private static string Text(double value) => value.ToString("g4", CultureInfo.InvariantCulture);
}
