using Graft.Kernels.Cpu;
using System.Runtime.InteropServices;

namespace Graft.Bench;

/// <summary>What a figure depends on besides the code.</summary>
internal static class Machine
{
    /// <summary>Processor, cores, register width, runtime and, where the system tells, the load of the last minute.</summary>
    public static string Describe() =>
        $"{Processor()}, {Environment.ProcessorCount} cores, {LaneWidth.Widest / 32} floats a register, {RuntimeInformation.FrameworkDescription}, "
        + $"{RuntimeInformation.OSDescription}{Load()}";

    /// <summary>The processor's name as the name of a folder: results of other machines lie beside.</summary>
    public static string FolderName => FolderNameOf(Processor());

    /// <summary>A name as the name of a folder: small letters, hyphens for all that files are better not called by.</summary>
    public static string FolderNameOf(string name) => string.Join('-', name.ToLowerInvariant().Split([' ', '(', ')', ',', '@', '/'], StringSplitOptions.RemoveEmptyEntries));

    private static string Processor()
    {
        const string Info = "/proc/cpuinfo";
        if (!File.Exists(Info))
            return RuntimeInformation.ProcessArchitecture.ToString();
        Dictionary<string, string> fields = [];
        foreach (string line in File.ReadLines(Info).TakeWhile(l => l.Length > 0)) // the first core
        {
            string[] field = line.Split(':', 2, StringSplitOptions.TrimEntries);
            fields[field[0]] = field[^1];
        }
        return $"{fields.GetValueOrDefault("model name", RuntimeInformation.ProcessArchitecture.ToString())}"
            + $" (family {fields.GetValueOrDefault("cpu family", "?")}, model {fields.GetValueOrDefault("model", "?")})";
    }

    private static string Load() => File.Exists("/proc/loadavg") ? $", load {File.ReadAllText("/proc/loadavg").Split(' ')[0]}" : "";
}
