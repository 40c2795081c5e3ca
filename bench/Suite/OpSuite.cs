using System.Globalization;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Environments;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Order;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Graft.Bench.Torch;
using Graft.Kernels;
using Perfolizer.Horology;

namespace Graft.Bench.Suite;

/// <summary>The BenchmarkDotNet suite: one class an op, and the models.</summary>
internal static class OpSuite
{
    /// <summary>How it is called.</summary>
    public const string Usage = "ops [--threads N] [--job short|default] [--filter PATTERN ...] [further arguments of BenchmarkDotNet]";

    /// <summary>Runs what the arguments ask for and writes a table for each class.</summary>
    /// <returns>0; 1 where a result was wrong or a bench failed; 2 where the arguments are not understood.</returns>
    public static int Run(ReadOnlySpan<string> arguments)
    {
        List<string> rest = [];
        bool isShort = true;
        for (int i = 0; i < arguments.Length; i++)
        {
            string? value = i + 1 < arguments.Length ? arguments[i + 1] : null;
            switch (arguments[i])
            {
                case "--threads" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n > 0:
                    CpuThreads.Count = n;
                    i++;
                    break;
                case "--job" when value is "short" or "default":
                    isShort = value == "short";
                    i++;
                    break;
                case "--threads" or "--job":
                    Console.Error.WriteLine($"{arguments[i]}: '{value}' is not understood; usage: {Usage}");
                    return 2;
                default:
                    rest.Add(arguments[i]);
                    break;
            }
        }
        if (!TorchLibrary.Loads)
            Console.Error.WriteLine($"# libtorch is left out: {TorchLibrary.Reason}");
        if (Gpu.BenchGpu.Obstacle is { } obstacle)
            Console.Error.WriteLine($"# rows on a GPU are left out: {obstacle}");
        string command = $"dotnet run -c Release --project bench -- ops {string.Join(' ', arguments.ToArray().Select(Quoted))}".TrimEnd();
        bool failed = false;
        Summary[] summaries = [.. BenchmarkSwitcher.FromAssembly(typeof(OpSuite).Assembly).Run([.. rest], Config(isShort, command))];
        if (summaries.Length == 0 && rest.Any(a => a is "--filter" or "-f") && !rest.Contains("--list"))
            return 2; // no row has such a name, which BenchmarkDotNet has said
        foreach (Summary summary in summaries)
            failed |= summary.HasCriticalValidationErrors || summary.Reports.Any(r => !r.Success);
        return failed ? 1 : 0;
    }

    /// <summary>As a shell takes it: it would put file names in place of a pattern, and begin a comment or a pipe.</summary>
    private static string Quoted(string argument) => argument.All(c => char.IsLetterOrDigit(c) || c is '-' or '.' or '_' or '=' or '/' or ',' or ':') ? argument : $"'{argument}'";

    /// <summary>
    /// In this process: the widths of vectors and the peers' threads are set here, and the tables need the peak that was measured beside
    /// each row. A short job takes about a second a row.
    /// </summary>
    private static ManualConfig Config(bool isShort, string command)
    {
        Job job = new Job(isShort ? "short" : "default", new EnvironmentMode { Runtime = CoreRuntime.Core10_0 })
            .WithToolchain(InProcessEmitToolchain.Instance)
            .WithUnrollFactor(1)
            .WithMinIterationCount(3)
            .WithWarmupCount(isShort ? 1 : 3)
            .WithIterationCount(isShort ? 5 : 15)
            .WithIterationTime(TimeInterval.FromMilliseconds(isShort ? 60 : 200));
        return ManualConfig.CreateEmpty()
            .AddJob(job)
            .AddLogger(ConsoleLogger.Default)
            .AddColumn(FigureColumn.All)
            .AddExporter(new ResultsFile(command))
            .WithOrderer(new DefaultOrderer(SummaryOrderPolicy.Declared))
            .WithOptions(ConfigOptions.DisableLogFile)
            .WithBuildTimeout(TimeSpan.FromMinutes(1))
            .WithArtifactsPath(Path.Combine(Path.GetTempPath(), "graft-bench"));
    }
}
