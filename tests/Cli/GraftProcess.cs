using System.Diagnostics;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>graft as a program of its own: what a process decides once, such as its CUDA libraries, is decided anew.</summary>
internal static class GraftProcess
{
    /// <summary>With these CUDA libraries and no others; null: those of the machine.</summary>
    public static (int Code, string Output, string Error) Run(string? libraries, params string[] args) => Run(libraries, [], args);

    /// <summary>The same under some environment variables.</summary>
    public static (int Code, string Output, string Error) Run(string? libraries, Dictionary<string, string> variables, params string[] args)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } p && Path.GetFileNameWithoutExtension(p) == "dotnet" ? p : "dotnet", [Path.Combine(AppContext.BaseDirectory, "graft.dll"), .. args])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
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
}
