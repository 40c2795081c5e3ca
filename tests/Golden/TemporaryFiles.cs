using System.IO.Compression;

namespace Graft.Tests.Golden;

/// <summary>A folder that is gone after the test, with gzipped reference files unpacked into it.</summary>
internal sealed class TemporaryFiles : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("graft-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Path of a file in the folder.</summary>
    public string this[string name] => Path.Combine(_folder, name);

    /// <summary>Unpacks "x.h5.gz" and returns the path of "x.h5".</summary>
    public string Unpack(string gzipped)
    {
        string path = this[Path.GetFileNameWithoutExtension(gzipped)];
        using var gzip = new GZipStream(File.OpenRead(gzipped), CompressionMode.Decompress);
        using FileStream plain = File.Create(path);
        gzip.CopyTo(plain);
        return path;
    }

    /// <summary>Writes bytes into a file and returns its path.</summary>
    public string Write(string name, ReadOnlySpan<byte> bytes)
    {
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }
}
