using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Graft.Tests.House;

namespace Graft.Tests.CudaEmulator;

/// <summary>Builds the emulated CUDA libraries with g++, once for each state of their sources.</summary>
internal static class EmulatorBuild
{
    private static readonly Lazy<(string? Folder, string Reason)> Built = new(Build);

    /// <summary>The folder with the libraries, or null and the reason.</summary>
    public static (string? Folder, string Reason) Folder() => Built.Value;

    private static string Sources => Path.Combine(HouseTests.Root, "tests", "CudaEmulator");

    private static (string? Folder, string Reason) Build()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return (null, "The CUDA emulator runs on 64-bit x86 Linux alone.");
        if (CompilerVersion() is not { } compiler)
            return (null, "g++ not found: the CUDA emulator is built with it (apt-get install g++).");

        string root = Path.Combine(HouseTests.Root, "artifacts", "cuda-emulator");
        string folder = Path.Combine(root, Hash(compiler));
        Directory.CreateDirectory(root);
        using FileStream guard = Lock(Path.Combine(root, "lock"));
        if (Directory.Exists(folder))
            return (folder, "");
        string fresh = folder + ".new";
        if (Directory.Exists(fresh))
            Directory.Delete(fresh, recursive: true);
        (int code, string output) = Run("bash", Path.Combine(Sources, "build.sh"), fresh);
        if (code != 0)
            throw new InvalidOperationException($"The CUDA emulator does not build:\n{output}");
        Directory.Move(fresh, folder);
        return (folder, "");
    }

    private static string? CompilerVersion()
    {
        try
        {
            return Run("g++", "--version").Output;
        }
        catch (System.ComponentModel.Win32Exception) // there is no such program
        {
            return null;
        }
    }

    // Sources and compiler: either one changes what is built.
    private static string Hash(string compiler)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(System.Text.Encoding.UTF8.GetBytes(compiler));
        IEnumerable<string> files = Directory.EnumerateFiles(Sources, "*", SearchOption.AllDirectories)
            .Where(f => Path.GetExtension(f) is ".cpp" or ".h" or ".sh").Order(StringComparer.Ordinal);
        foreach (string file in files)
        {
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(Path.GetRelativePath(Sources, file)));
            hash.AppendData(File.ReadAllBytes(file));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }

    // Two test programs may want the same build; the second waits for the first.
    private static FileStream Lock(string path)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (clock.Elapsed < TimeSpan.FromMinutes(10))
            {
                Thread.Sleep(100);
            }
        }
    }

    private static (int Code, string Output) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }
}
