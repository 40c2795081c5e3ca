using System.Diagnostics;
using System.Globalization;

namespace Graft.Tests.Fuzz;

/// <summary>Fuzzes readers one after the other, each in a process of its own, and keeps the inputs that are defects.</summary>
/// <param name="seed">All inputs follow from it.</param>
/// <param name="findings">Folder that defects are kept in.</param>
/// <param name="output">Where to say what happens.</param>
internal sealed class FuzzRun(int seed, string findings, TextWriter output)
{
    private const string InMemory = "/dev/shm"; // where Linux keeps files in memory: inputs are written by the thousand
    private const string HeapLimit = "C0000000"; // 3 GB, hexadecimal as DOTNET_GCHeapHardLimit has it: twice the largest allowance, since buffers are kept; the machine has other work

    private const int MostFrames = 60; // lines that are kept of what a process that dies says

    private readonly Dictionary<string, int> _seen = [];
    private string _stack = "";

    /// <summary>Defects so far, each once.</summary>
    public int Defects => _seen.Count;

    /// <summary>Fuzzes one reader for a time.</summary>
    public void Run(FuzzTarget target, double seconds)
    {
        string folder = Path.Combine(Directory.Exists(InMemory) ? InMemory : Path.GetTempPath(), $"graft-fuzz-{Environment.ProcessId}-{target.Name}");
        Directory.CreateDirectory(folder);
        try
        {
            var clock = Stopwatch.StartNew();
            long next = 0, tried = 0, read = 0;
            int before = _seen.Count;
            while (clock.Elapsed.TotalSeconds < seconds)
            {
                (int code, long done, long whole) = Work(target, folder, next, seconds - clock.Elapsed.TotalSeconds);
                (tried, read) = (tried + done, read + whole);
                if (code == 0)
                    break;
                long culprit = Iteration(folder);
                Keep(target, culprit, code == FuzzWorker.Hangs ? $"{target.Name}: hang" : $"{target.Name}: the process died (exit code {code}): {Place()}", $"{target.Name}: {(code == FuzzWorker.Hangs ? $"took more than {FuzzWorker.SecondsAnInput} s of processor time" : $"ended the process with exit code {code}\n{_stack}")}");
                tried += culprit + 1 - next;
                next = culprit + 1;
            }
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{target.Name,-12} {tried,9:N0} inputs in {clock.Elapsed.TotalSeconds,5:F0} s, {read:N0} of them read to the end, {_seen.Count - before} defects"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private (int Code, long Done, long Read) Work(FuzzTarget target, string folder, long from, double seconds)
    {
        string program = Environment.ProcessPath!, own = Path.Combine(AppContext.BaseDirectory, "Graft.Fuzz.dll");
        string[] arguments = ["worker", target.Name, Text(seed), Text(from), Text(seconds), folder];
        var start = new ProcessStartInfo(program, Path.GetFileNameWithoutExtension(program) == "dotnet" ? [own, .. arguments] : arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_GCHeapHardLimit"] = HeapLimit;
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using Process process = Process.Start(start)!;
        var stack = new System.Collections.Concurrent.ConcurrentQueue<string>(); // of a process that dies
        process.ErrorDataReceived += (_, e) =>
        {
            if (e.Data is { } frame && stack.Count < MostFrames)
                stack.Enqueue(frame);
        };
        process.BeginErrorReadLine();
        (long done, long read) = (0, 0);
        while (process.StandardOutput.ReadLine() is { } line)
        {
            string[] parts = line.Split('\t');
            if (parts[0] == "done")
                (done, read) = (long.Parse(parts[1], CultureInfo.InvariantCulture), long.Parse(parts[2], CultureInfo.InvariantCulture));
            else if (parts[0] == "finding")
                Keep(target, long.Parse(parts[1], CultureInfo.InvariantCulture), parts[2], string.Join('\t', parts[3..]).Replace('\u2028', '\n'));
        }
        process.WaitForExit();
        _stack = string.Join('\n', stack);
        return (process.ExitCode, done, read);
    }

    // The first input of a defect is kept: its files, and what happened.
    private void Keep(FuzzTarget target, long iteration, string signature, string text)
    {
        if (!_seen.TryAdd(signature, 1))
        {
            _seen[signature]++;
            return;
        }
        string place = Path.Combine(findings, $"{target.Name}-{seed}-{iteration}");
        target.Input(seed, iteration).Write(place);
        File.WriteAllText(Path.Combine(place, "what-happened.txt"), text);
        output.WriteLine($"DEFECT {signature}\n  kept in {place}; again by: scripts/fuzz --reader {target.Name} --seed {seed} --iteration {iteration}");
    }

    // Where it died: the first frame of this engine, else the first line.
    private string Place()
    {
        string[] lines = _stack.Split('\n');
        return (Array.Find(lines, l => l.TrimStart().StartsWith("at Graft.", StringComparison.Ordinal)) ?? lines[0]).Trim().Split(" in /")[0];
    }

    private static long Iteration(string folder) => File.Exists(FuzzWorker.IterationFile(folder)) ? long.Parse(File.ReadAllText(FuzzWorker.IterationFile(folder)), CultureInfo.InvariantCulture) : 0;

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
