using System.Security.Cryptography;
using System.Text;

namespace Graft.Kernels.Cuda;

/// <summary>Compiled kernels on disk: a second start compiles nothing. A file begins with the SHA-256 of what follows; one that does not fit is made anew.</summary>
/// <param name="folder">Where they are kept; null keeps none.</param>
internal sealed class KernelCache(string? folder)
{
    private const int DigestBytes = 32;

    /// <summary>Where compiled kernels are kept, or why they are not: every start then compiles again.</summary>
    public string Describe()
    {
        if (folder is null)
            return "Compiled kernels are not kept: GRAFT_CUDA_CACHE is off.";
        string probe = Path.Combine(folder, $"probe.{Environment.ProcessId}.part");
        string? problem = Try(() =>
        {
            Directory.CreateDirectory(folder);
            File.WriteAllBytes(probe, []);
            File.Delete(probe);
        });
        return problem is null ? $"Compiled kernels are kept in {folder}."
            : $"Compiled kernels are not kept: {problem} Set GRAFT_CUDA_CACHE to a folder that can be written, or to off.";
    }

    /// <summary>The code of a source, from the disk where it is there.</summary>
    /// <param name="compiler">Makes it where it is not.</param>
    /// <param name="driverVersion">Takes part in the key of PTX, which the driver compiles on.</param>
    /// <param name="name">File name for messages.</param>
    /// <param name="source">CUDA C.</param>
    public byte[] Get(NvrtcCompiler compiler, int driverVersion, string name, string source)
    {
        if (folder is null)
            return compiler.Compile(name, source);
        string key = string.Join('\n', [compiler.Version, compiler.MakesPtx ? $"{driverVersion}" : "", .. compiler.Options, source]);
        string path = Path.Combine(folder, $"{Path.GetFileNameWithoutExtension(name)}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))}.{(compiler.MakesPtx ? "ptx" : "cubin")}");
        if (Read(path) is { } kept)
            return kept;
        byte[] code = compiler.Compile(name, source);
        Write(path, code);
        return code;
    }

    private static byte[]? Read(string path)
    {
        byte[] file = [];
        if (!File.Exists(path) || Try(() => file = File.ReadAllBytes(path)) is not null)
            return null;
        return file.Length > DigestBytes && SHA256.HashData(file.AsSpan(DigestBytes)).AsSpan().SequenceEqual(file.AsSpan(0, DigestBytes)) ? file[DigestBytes..] : null;
    }

    /// <summary>Under another name first: a process that reads meanwhile never sees half a file.</summary>
    private void Write(string path, byte[] code)
    {
        string temporary = $"{path}.{Environment.ProcessId}.part";
        _ = Try(() =>
        {
            Directory.CreateDirectory(folder!);
            File.WriteAllBytes(temporary, [.. SHA256.HashData(code), .. code]);
            File.Move(temporary, path, overwrite: true);
        });
    }

    /// <summary>Does something with files; a cache that cannot be used costs time alone, which <see cref="Describe"/> says.</summary>
    /// <returns>What is wrong; null where nothing is.</returns>
    private static string? Try(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }
}
