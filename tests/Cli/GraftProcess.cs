using System.Diagnostics;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>graft as a program of its own: what a process decides once, such as its CUDA libraries, is decided anew.</summary>
internal static class GraftProcess
{
    /// <summary>With these CUDA libraries and no others; null: those of the machine, or on a GPU those that the tests use.</summary>
    public static (int Code, string Output, string Error) Run(string? libraries, params string[] args) => Run(libraries, [], args);

    /// <summary>The same under some environment variables.</summary>
    public static (int Code, string Output, string Error) Run(string? libraries, Dictionary<string, string> variables, params string[] args)
    {
        string[] program = Program();
        var start = new ProcessStartInfo(program[0], [.. program.Skip(1), .. args]) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (libraries is not null || !CudaEmulator.CudaEmulator.UsesHardware)
            start.Environment["GRAFT_CUDA_PATH"] = libraries ?? "";
        start.Environment.Remove(TestDevice.Variable); // that of the tests is not that of the program
        foreach ((string name, string value) in variables)
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }

    /// <summary>graft as it lies beside the tests: with the runtime that is published with both, or by dotnet.</summary>
    private static string[] Program()
    {
        string beside = Path.Combine(AppContext.BaseDirectory, "graft");
        if (File.Exists(Path.Combine(AppContext.BaseDirectory, "libcoreclr.so")))
            return [beside];
        return [Environment.ProcessPath is { } p && Path.GetFileNameWithoutExtension(p) == "dotnet" ? p : "dotnet", $"{beside}.dll"];
    }
}
