using System.Diagnostics;
using System.Globalization;
using Graft.Autograd;
using Graft.Bench.Gpu;
using Graft.Kernels;

namespace Graft.Bench.Quick;

/// <summary>Where the time of a training step goes: each op forward and backward, and the sums by kind of op. On one thread its processor time counts.</summary>
internal static class StepBench
{
    private const int FewestRuns = 5;
    private const double Budget = 2; // seconds in which more runs begin
    private const double WarmUp = 2; // seconds: what lies around the ops is many small methods, which the JIT compiles in three stages

    /// <summary>How it is called.</summary>
    public const string Usage = "step NETWORK-step-bBATCH|head-step-b20 [threads]";

    private static IEnumerable<string> Names => [.. StepCase.All.Select(s => s.Name), HeadStepCase.Name];

    /// <summary>Prints each op's fastest of some steps.</summary>
    /// <returns>0; 2 where the arguments are not understood.</returns>
    public static int Run(ReadOnlySpan<string> arguments)
    {
        try
        {
            NamedOptions options = NamedOptions.Parse(Usage, Names, arguments);
            StepCase? step = options.Name == HeadStepCase.Name ? null : StepCase.Named(options.Name) ?? throw NamedOptions.Unknown(options.Name, Names);
            CpuThreads.Count = options.Threads;
            Func<double> clock = CpuThreads.Count == 1 ? () => ThreadClock.Seconds : () => (double)Stopwatch.GetTimestamp() / Stopwatch.Frequency;
            if (step is null)
                RunHead(clock);
            else
                Run(step, clock);
            return 0;
        }
        catch (GraftException e)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }
    }

    private static void Run(StepCase step, Func<double> clock)
    {
        (OpTimes times, double shortest) = Measure(step, clock, Device.Cpu);
        OpTimes? gpu = null;
        double onGpu = double.NaN;
        if (BenchGpu.Obstacle is { } obstacle)
            Console.Error.WriteLine($"# columns of a GPU are left out: {obstacle}");
        else
            (gpu, onGpu) = Measure(step, TimeOnGpu, BenchGpu.Device);
        double peak = KernelSet.Cpu.MeasurePeakFlops();
        Print(times, gpu, peak);
        PrintSums("", times, shortest, step.Batch, "images", OnCpu(peak));
        if (gpu is not null)
            PrintSums("cuda: ", gpu, onGpu, step.Batch, "images", $"{BenchGpu.Describe()}; with a wait around each op, so the step itself is faster");
    }

    /// <summary>The time at which the GPU has done all that it was given.</summary>
    private static double TimeOnGpu()
    {
        BenchGpu.Synchronize();
        return (double)Stopwatch.GetTimestamp() / Stopwatch.Frequency;
    }

    private static (OpTimes Times, double Shortest) Measure(StepCase step, Func<double> clock, Device device)
    {
        var times = new OpTimes(clock);
        using var graft = new GraftStep(step, times, device);
        double shortest = Shortest(graft.Run, clock);
        if (graft.FrozenPlan is { } plan)
            Console.WriteLine(plan);
        return (times, shortest);
    }

    /// <summary>The head's step as Fit runs it, an epoch at a time.</summary>
    private static void RunHead(Func<double> clock)
    {
        var times = new OpTimes(clock);
        using var head = new HeadStep(HeadStepCase.Samples);
        double epoch = Shortest(() => head.Train(times), clock);
        double peak = KernelSet.Cpu.MeasurePeakFlops();
        Print(times, null, peak);
        PrintSums("", times, epoch / head.Steps, 1, "steps", OnCpu(peak));
    }

    private static double Shortest(Action run, Func<double> clock)
    {
        long begin = Stopwatch.GetTimestamp();
        do
            run();
        while (Stopwatch.GetElapsedTime(begin).TotalSeconds < WarmUp);
        begin = Stopwatch.GetTimestamp();
        double shortest = double.MaxValue;
        for (int i = 0; i < FewestRuns || Stopwatch.GetElapsedTime(begin).TotalSeconds < Budget; i++)
        {
            double start = clock();
            run();
            shortest = Math.Min(shortest, clock() - start);
        }
        return shortest;
    }

    private static string OnCpu(double peak) => string.Create(CultureInfo.InvariantCulture, $"{CpuThreads.Count} thread(s); peak {peak / 1e9:0} GFLOP/s");

    private static void Print(OpTimes times, OpTimes? gpu, double peak)
    {
        Console.WriteLine($"{"Layer",-40} {"Op",-23} {"Inputs",-44} {"fwd ms",8} {"peak",6} {"bwd ms",8} {"peak",6}{(gpu is null ? "" : $" {"cuda fwd",9} {"cuda bwd",9}")}");
        OpTimes.Entry[] onGpu = gpu is null ? [] : [.. gpu.Entries];
        foreach ((int i, OpTimes.Entry e) in times.Entries.Index())
        {
            double forward = Seconds(e.Forward), backward = Seconds(e.Backward);
            string there = i < onGpu.Length ? string.Create(CultureInfo.InvariantCulture, $" {Seconds(onGpu[i].Forward) * 1e3,9:0.000} {Seconds(onGpu[i].Backward) * 1e3,9:0.000}") : "";
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{e.Layer,-40} {e.Op,-23} {e.Shapes,-44} {forward * 1e3,8:0.00} {Share(e.Flops, forward, peak),6} {backward * 1e3,8:0.00} {Share(e.BackwardFlops, backward, peak),6}{there}"));
        }
        Console.WriteLine();
    }

    private static void PrintSums(string where, OpTimes times, double step, int count, string unit, string how)
    {
        double sum = 0;
        foreach (IGrouping<string, OpTimes.Entry> kind in times.Entries.GroupBy(e => e.Op).OrderByDescending(k => k.Sum(Total)))
        {
            double forward = kind.Sum(e => Seconds(e.Forward)), backward = kind.Sum(e => Seconds(e.Backward));
            sum += forward + backward;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{where}{kind.Key,-23} {kind.Count(),4} forward {forward * 1e3,9:0.00} ms, backward {backward * 1e3,9:0.00} ms"));
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{where}{"Update",-23}      {times.Update * 1e3,18:0.00} ms{(times.Entries.Any(e => e.DefersGradient) ? ", with the gradients of weights that backward left to it" : "")}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{where}Ops {sum * 1e3:0.00} ms; the whole step, with plan, loss and update, {step * 1e3:0.00} ms: {count / step:0.00} {unit}/s on {how}"));
    }

    private static double Total(OpTimes.Entry e) => Seconds(e.Forward) + Seconds(e.Backward);

    private static double Seconds(double shortest) => double.IsFinite(shortest) ? shortest : 0;

    private static string Share(long flops, double seconds, double peak) =>
        flops == 0 || seconds == 0 ? "-" : string.Create(CultureInfo.InvariantCulture, $"{100 * flops / seconds / peak:0} %");
}
