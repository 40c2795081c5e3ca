using System.Runtime.InteropServices;
using Graft.Kernels;
using TorchSharp;

namespace Graft.Bench.Torch;

/// <summary>Whether libtorch is there, asked once.</summary>
internal static class TorchLibrary
{
    private static readonly Lazy<string?> Failure = new(Probe);

    /// <summary>True where it loads.</summary>
    public static bool Loads => Failure.Value is null;

    /// <summary>Why it does not load.</summary>
    public static string Reason => Failure.Value ?? "";

    /// <summary>
    /// Loads TorchSharp's own library by hand: the system's message says what is missing (on Debian 12: GLIBCXX_3.4.32), which
    /// TorchSharp's does not.
    /// </summary>
    private static string? Probe()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native");
        string name = OperatingSystem.IsWindows() ? "LibTorchSharp.dll" : OperatingSystem.IsMacOS() ? "libLibTorchSharp.dylib" : "libLibTorchSharp.so";
        string library = OperatingSystem.IsWindows() ? "torch_cpu.dll" : OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib" : "libtorch_cpu.so";
        string[] folders = [folder, AppContext.BaseDirectory];
        if (!folders.Any(f => File.Exists(Path.Combine(f, library))))
            return $"{library} is not here; it comes with -p:TorchPeer=true on the command line of dotnet run (600 MB).";
        try
        {
            NativeLibrary.Load(folders.Select(f => Path.Combine(f, name)).First(File.Exists));
            torch.set_num_threads(CpuThreads.Count);
            return null;
        }
        catch (Exception e) when (e is DllNotFoundException or NotSupportedException or TypeInitializationException or InvalidOperationException)
        {
            // The system's line comes after advice on how to find it.
            return e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Last(l => l.Length > 0);
        }
    }
}
