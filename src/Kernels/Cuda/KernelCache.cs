using System.Security.Cryptography;
using System.Text;

namespace Graft.Kernels.Cuda;

/// <summary>Compiled kernels on disk: a second start compiles nothing. A file begins with the SHA-256 of what follows; one that does not fit is made anew.</summary>
/// <param name="folder">Where they are kept; null keeps none.</param>
internal sealed class KernelCache(string? folder)
{
    private const int DigestBytes = 32;

    /// <summary>Why the last code could not be kept; null where it was.</summary>
    public string? Problem { get; private set; }

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
        if (!File.Exists(path))
            return null;
        byte[] file = File.ReadAllBytes(path);
        return file.Length > DigestBytes && SHA256.HashData(file.AsSpan(DigestBytes)).AsSpan().SequenceEqual(file.AsSpan(0, DigestBytes)) ? file[DigestBytes..] : null;
    }

    /// <summary>Under another name first: a process that reads meanwhile never sees half a file. Without a place to write to, the next start compiles again.</summary>
    private void Write(string path, byte[] code)
    {
        string temporary = $"{path}.{Environment.ProcessId}.part";
        try
        {
            Directory.CreateDirectory(folder!);
            File.WriteAllBytes(temporary, [.. SHA256.HashData(code), .. code]);
            File.Move(temporary, path, overwrite: true);
            Problem = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Problem = $"{folder}: {e.Message} Compiled kernels are not kept; set GRAFT_CUDA_CACHE to a folder that can be written, or to 'off'.";
        }
    }
}
