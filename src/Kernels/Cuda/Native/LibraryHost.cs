using System.Globalization;
using System.Runtime.InteropServices;

namespace Graft.Kernels.Cuda.Native;

/// <summary>What a search for libraries asks of the machine; tests put a made-up one in its place.</summary>
internal class LibraryHost
{
    private static readonly EnumerationOptions s_readable = new() { IgnoreInaccessible = true };

    private static readonly Comparer<string> s_numeric = Comparer<string>.Create((a, b) => string.Compare(a, b, CultureInfo.InvariantCulture, CompareOptions.NumericOrdering));

    /// <summary>An environment variable; null where it is not set or empty.</summary>
    public virtual string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    /// <summary>True where there is such a file.</summary>
    public virtual bool FileExists(string path) => File.Exists(path);

    /// <summary>Folders of a parent whose names match a pattern, the highest version first; none where the parent is not there.</summary>
    public virtual IReadOnlyList<string> Folders(string parent, string pattern) =>
        Directory.Exists(parent) ? [.. Directory.GetDirectories(parent, pattern, s_readable).OrderDescending(s_numeric)] : [];

    /// <summary>Files of a folder whose names match a pattern.</summary>
    public virtual IReadOnlyList<string> FilesOf(string folder, string pattern) =>
        Directory.Exists(folder) ? [.. Directory.GetFiles(folder, pattern, s_readable).Order(StringComparer.Ordinal)] : [];

    /// <summary>Loads a library by path, or by the system's own search where it is a bare name.</summary>
    /// <returns>0 and the loader's words where that fails.</returns>
    public virtual (nint Handle, string Error) Load(string path)
    {
        try
        {
            return (NativeLibrary.Load(path), "");
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            string reason = Reason(e.Message);
            return (0, reason.StartsWith(path + ": ", StringComparison.Ordinal) ? reason[(path.Length + 2)..] : reason);
        }
    }

    /// <summary>Lets go of a library.</summary>
    public virtual void Free(nint handle) => NativeLibrary.Free(handle);

    /// <summary>Where a library that was loaded by a bare name lies.</summary>
    public virtual string PathOf(string name)
    {
        const string Maps = "/proc/self/maps";
        if (!File.Exists(Maps))
            return name;
        string stem = name[..(name.IndexOf(".so", StringComparison.Ordinal) is var dot and >= 0 ? dot : name.Length)] + ".so"; // links lead to longer names
        string? line = File.ReadLines(Maps).FirstOrDefault(l => l.Contains('/' + stem, StringComparison.Ordinal));
        return line is null ? name : line[line.IndexOf('/', StringComparison.Ordinal)..];
    }

    /// <summary>The loader's own line of .NET's message, which also says where .NET looked.</summary>
    private static string Reason(string message)
    {
        string[] lines = [.. message.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0)];
        return lines.FirstOrDefault(l => l.Contains("cannot", StringComparison.Ordinal) || l.Contains("undefined", StringComparison.Ordinal)
            || l.Contains("invalid", StringComparison.Ordinal) || l.Contains("too short", StringComparison.Ordinal)) ?? lines[^1];
    }
}
