using System.Diagnostics;
using System.Globalization;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>graft as a program of its own: what a process decides once, such as its CUDA libraries, is decided anew.</summary>
internal static class GraftProcess
{
    /// <summary>The graft that the run names in the place of its own, such as one compiled ahead of time: then all commands go to it.</summary>
    public static string? Named { get; } = Environment.GetEnvironmentVariable("GRAFT_TEST_PROGRAM");

    /// <summary>With these CUDA libraries and no others; null: those of the machine, or on a GPU those that the tests use.</summary>
    public static (int Code, string Output, string Error) Run(string? libraries, params string[] args) => Run(libraries, [], args);

    /// <summary>The same under some environment variables.</summary>
    public static (int Code, string Output, string Error) Run(string? libraries, Dictionary<string, string> variables, params string[] args)
    {
        ProcessStartInfo start = Command(libraries, [.. Program(), .. args]);
        foreach ((string name, string value) in variables)
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }

    /// <summary>
    /// Starts it, hands its standard output to the caller, and ends it by a signal: its exit code and what it had written to its output then, and as errors.
    /// </summary>
    public static async Task<(int Code, string Output, string Error)> RunUntil(string signal, string? libraries, Func<StreamReader, Task> use, params string[] args)
    {
        // A test runner that was started in the background may ignore SIGINT, and so would its children: env gives it its meaning back.
        using Process process = Process.Start(Command(libraries, ["env", $"--default-signal={signal}", .. Program(), .. args]))!;
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            await use(process.StandardOutput);
            using (var kill = Process.Start("kill", [$"-{signal}", process.Id.ToString(CultureInfo.InvariantCulture)]))
                await kill.WaitForExitAsync(cancellation);
            string output = await process.StandardOutput.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            return (process.ExitCode, output, await errors);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    private static ProcessStartInfo Command(string? libraries, string[] command)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (libraries is not null || !CudaEmulator.CudaEmulator.UsesHardware)
            start.Environment["GRAFT_CUDA_PATH"] = libraries ?? "";
        start.Environment.Remove(TestDevice.Variable); // that of the tests is not that of the program
        return start;
    }

    /// <summary>graft as it lies beside the tests: with the runtime that is published with both, or by dotnet.</summary>
    private static string[] Program()
    {
        if (Named is not null)
            return [Named];
        string beside = Path.Combine(AppContext.BaseDirectory, "graft");
        if (File.Exists(Path.Combine(AppContext.BaseDirectory, "libcoreclr.so")))
            return [beside];
        return [Environment.ProcessPath is { } p && Path.GetFileNameWithoutExtension(p) == "dotnet" ? p : "dotnet", $"{beside}.dll"];
    }
}
