namespace Graft.Importers.PyTorch;

/// <summary>Numbers of one type in a file of torch.save, which one tensor or several look into.</summary>
internal sealed class TorchStorage(string path, string key, StoredType type, long count)
{
    /// <summary>The file.</summary>
    public string Path => path;

    /// <summary>What the file calls it.</summary>
    public string Key => key;

    /// <summary>How its numbers are stored.</summary>
    public StoredType Type => type;

    /// <summary>Number of elements.</summary>
    public long Count => count;

    /// <summary>Where its first byte is in the file; in the legacy form this is known after the pickles only.</summary>
    public long Position { get; set; } = -1;
}
