using System.Globalization;

namespace Graft.Bench.Gpu;

/// <summary>The figures of a GPU, for scripts/gpu-check: peaks, networks, training, texts, kernels. Each part may run in a process of its own; all add rows to one folder.</summary>
internal static class GpuCheck
{
    /// <summary>Runs what the arguments ask for.</summary>
    /// <returns>0; 1 where a result was wrong or failed; 2 where the arguments are not understood; 3 where CUDA is not usable.</returns>
    public static int Run(ReadOnlySpan<string> arguments)
    {
        try
        {
            if (arguments is ["--device"])
            {
                if (BenchGpu.Obstacle is null)
                    Console.WriteLine(BenchGpu.FolderName);
                return NoGpu() ?? 0;
            }
            GpuOptions options = GpuOptions.Parse(arguments);
            var results = new GpuResults(options.Output, options.Only);
            if (options.IsReport)
            {
                Console.Write(GpuReport.Write(options.Output, results.Load()));
                return 0;
            }
            if (NoGpu() is { } code)
                return code;
            foreach (string part in options.Parts)
                Run(part, options, results);
            return results.HasFailed ? 1 : 0;
        }
        catch (GraftException e)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }
    }

    private static int? NoGpu()
    {
        if (BenchGpu.Obstacle is not { } obstacle)
            return null;
        Console.Error.WriteLine(obstacle);
        return 3;
    }

    private static void Run(string part, GpuOptions options, GpuResults results)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        Action<GpuOptions, GpuResults> run = part switch
        {
            "peaks" => GpuPeaks.Run,
            "vision" => GpuVision.Run,
            "steps" => GpuSteps.Run,
            "text" => GpuText.Run,
            _ => Ladder.Run,
        };
        if (part == "peaks")
            results.Add(new GpuRow { Part = GpuRow.Check, Name = "machine", Note = $"{BenchGpu.Describe()}; {Machine.Describe()}" });
        results.TryPart(part, () => run(options, results));
        BenchGpu.Device.Pool.Trim();
        Console.WriteLine($"# {BenchGpu.Device.Kernels.Routines}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"# {part}: {System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds:f1} s"));
    }
}
