using System.Diagnostics;
using Graft.Cli;
using Xunit;

namespace Graft.Tests.Cli;

/// <summary>Ctrl+C on the program itself: a process of its own that is sent SIGINT.</summary>
[Collection("command line")]
public sealed class InterruptTests : IDisposable
{
    private const int Interrupted = 130;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("Loading base")]
    [InlineData("validation images")]
    [InlineData("Epoch  1/")]
    [InlineData("Unfreezing")]
    public async Task Ctrl_C_ends_a_fine_tuning_with_130_and_leaves_the_files_that_were_there(string line)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Sends a signal by kill.");
        FlowerPainter.WriteSet(Path.Combine(_folder, "data"), 8, 3);
        string output = Path.Combine(_folder, "out");
        Directory.CreateDirectory(output);
        File.WriteAllText(Path.Combine(output, "model.graft"), "of an earlier training");
        string epochs = line == "Unfreezing" ? "1" : "10000";
        (int code, string error) = await RunUntil(line, "finetune", "--data", Path.Combine(_folder, "data"), "--size", "64", "--epochs", epochs, "--unfreeze", "1", "--unfreeze-epochs", "10000", "--output", output);
        Assert.Equal(Interrupted, code);
        Assert.StartsWith("graft: interrupted", error, StringComparison.Ordinal);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("of an earlier training", File.ReadAllText(Path.Combine(output, "model.graft")));
        string[] left = [.. Directory.GetFileSystemEntries(output).Select(f => Path.GetFileName(f)).Except(["model.graft"]).Order(StringComparer.Ordinal)];
        bool mayTrain = line != "Loading base"; // the signal takes its time: training may have begun
        if (line is "Loading base" or "Unfreezing" || left.Length > 0) // in the head's first seconds there is nothing to go on from while it validates
            Assert.Equal(mayTrain ? ["finetune.json", line == "Unfreezing" ? "training-unfrozen.graft" : "training.graft"] : [], left);
    }

    private static async Task<(int Code, string Error)> RunUntil(string line, params string[] args)
    {
        // A test runner that was started in the background may ignore SIGINT, and so would its children: env gives it its meaning back.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", Environment.ProcessPath is { } p && Path.GetFileNameWithoutExtension(p) == "dotnet" ? p : "dotnet", Path.Combine(AppContext.BaseDirectory, "graft.dll"), .. args])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            while (await process.StandardOutput.ReadLineAsync(patience.Token) is { } text && !text.Contains(line, StringComparison.Ordinal))
            {
                // the line that is waited for comes later
            }
            using (var kill = Process.Start("kill", ["-INT", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
                await kill.WaitForExitAsync(patience.Token);
            await process.StandardOutput.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
        return (process.ExitCode, await error);
    }
}
