using System.Diagnostics;
using System.Globalization;

namespace Graft.Bench.Quick;

/// <summary>The most memory that this process held at a time (resident set).</summary>
internal static class PeakMemory
{
    private const string Reset = "/proc/self/clear_refs", Status = "/proc/self/status";

    /// <summary>Forgets the peak so far, where the system can (Linux); else the peak counts from the process's start.</summary>
    public static void Restart()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive);
        if (File.Exists(Reset))
            File.WriteAllText(Reset, "5"); // proc_pid_clear_refs(5): sets VmHWM back to the present
    }

    /// <summary>MiB.</summary>
    public static double Mebibytes()
    {
        if (!File.Exists(Status))
            return Process.GetCurrentProcess().PeakWorkingSet64 / 1048576.0;
        string line = File.ReadLines(Status).First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal)); // "VmHWM:   123456 kB"
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1024;
    }
}
