using System.Diagnostics;
using System.Globalization;

namespace Graft.Tests.Fuzz;

/// <summary>Tries one input after the other; each is on disk before it is tried, so that the process may die of it.</summary>
internal sealed class FuzzWorker(FuzzTarget target, int seed, string folder, TextWriter output)
{
    /// <summary>Exit code where one input took longer than it may.</summary>
    public const int Hangs = 4;

    /// <summary>Seconds of processor time that an input may take.</summary>
    public const int SecondsAnInput = 10;

    private const int WaitingAnInput = 120; // seconds by the clock: who waits takes no processor time

    private const int StackBytes = 1 << 20; // less than any thread has that reads a file in practice

    private long _iteration, _started;
    private TimeSpan _processor;

    /// <summary>File with the number of the iteration that is tried.</summary>
    public static string IterationFile(string folder) => Path.Combine(folder, "iteration");

    /// <summary>Folder with the files that are tried.</summary>
    public static string InputFolder(string folder) => Path.Combine(folder, "input");

    /// <summary>Runs for a time, from an iteration on; one line for each finding and one at the end goes to the output.</summary>
    public void Run(long from, double seconds)
    {
        using var watchdog = new Timer(_ => EndIfHanging(), null, 1000, 1000);
        var thread = new Thread(() => Loop(from, seconds), StackBytes);
        thread.Start();
        thread.Join();
    }

    private void Loop(long from, double seconds)
    {
        foreach (FuzzFiles seedFiles in target.Files) // what is compiled and made once counts for no input
        {
            seedFiles.Write(InputFolder(folder));
            FuzzOracle.Try(target, InputFolder(folder), seedFiles.Bytes);
        }
        var clock = Stopwatch.StartNew();
        long i = from, readToTheEnd = 0;
        for (; clock.Elapsed.TotalSeconds < seconds; i++)
        {
            FuzzFiles files = target.Input(seed, i);
            files.Write(InputFolder(folder));
            File.WriteAllText(IterationFile(folder), i.ToString(CultureInfo.InvariantCulture));
            Volatile.Write(ref _iteration, i);
            _processor = Environment.CpuUsage.TotalTime;
            Volatile.Write(ref _started, Stopwatch.GetTimestamp());
            (FuzzFinding? finding, int read) = FuzzOracle.Try(target, InputFolder(folder), files.Bytes);
            Volatile.Write(ref _started, 0);
            readToTheEnd += read > 0 ? 1 : 0;
            if (finding is not null)
                output.WriteLine($"finding\t{i}\t{finding.Signature}\t{finding.Text.ReplaceLineEndings("\u2028")}");
        }
        output.WriteLine($"done\t{i - from}\t{readToTheEnd}");
    }

    private void EndIfHanging()
    {
        long started = Volatile.Read(ref _started);
        if (started != 0 && ((Environment.CpuUsage.TotalTime - _processor).TotalSeconds > SecondsAnInput || Stopwatch.GetElapsedTime(started).TotalSeconds > WaitingAnInput))
        {
            output.WriteLine($"hang\t{Volatile.Read(ref _iteration)}");
            output.Flush();
            Environment.Exit(Hangs);
        }
    }
}
