namespace Graft.Tests.Fuzz;

/// <summary>What a reader is given: a file, or a folder of files, by name.</summary>
internal sealed class FuzzFiles : Dictionary<string, byte[]>
{
    /// <summary>One file.</summary>
    public static FuzzFiles Of(string name, byte[] bytes) => new() { [name] = bytes };

    /// <summary>Bytes of all files.</summary>
    public long Bytes => Values.Sum(b => (long)b.Length);

    /// <summary>Writes the files into a folder, which holds nothing else afterwards.</summary>
    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (string other in Directory.GetFiles(folder).Where(f => !ContainsKey(Path.GetFileName(f))))
            File.Delete(other);
        foreach ((string name, byte[] bytes) in this)
            File.WriteAllBytes(Path.Combine(folder, name), bytes);
    }
}
