using System.Text;

namespace Graft.Importers.PyTorch;

/// <summary>The zip form of torch.save: TOP/data.pkl beside TOP/data/KEY, one entry a storage. TOP is the name the file once had.</summary>
internal static class TorchZip
{
    private const string Pickle = "/data.pkl";

    /// <summary>Name of the entry with the pickle; null where there is none or more than one.</summary>
    public static string? PickleOf(StoredZip zip)
    {
        string[] found = [.. zip.Names.Where(n => n.EndsWith(Pickle, StringComparison.Ordinal))];
        return found.Length == 1 ? found[0] : null;
    }

    public static object? Read(string path)
    {
        StoredZip zip = StoredZip.Open(path);
        string pickle = PickleOf(zip)
            ?? throw new GraftException($"{path}: is a zip, but not of torch.save: it has no single 'data.pkl'. It holds {string.Join(", ", zip.Names.Take(10))}.");
        string top = pickle[..^Pickle.Length];
        if (zip.Names.Contains($"{top}/byteorder") && Encoding.ASCII.GetString(zip.Read($"{top}/byteorder")).Trim() is var order && order != "little")
            throw new GraftException($"{path}: was written with '{order}'-endian numbers, little-endian ones are read. Load it with PyTorch and save it again on another machine.");
        var storages = new Dictionary<string, TorchStorage>();
        using var stream = new MemoryStream(zip.Read(pickle), writable: false);
        return new PickleReader(stream, path, new PickleBuilder(path, Storage)).Read();

        TorchStorage Storage(string key, StoredType type, long count)
        {
            if (!storages.TryGetValue(key, out TorchStorage? storage))
            {
                (long offset, long bytes) = zip.Find($"{top}/data/{key}");
                if (bytes != checked(count * type.Size()))
                    throw new GraftException($"{path}: storage '{key}' of {count} {type.Name()} takes {count * type.Size()} bytes, its entry has {bytes}; the file is damaged.");
                storages[key] = storage = new TorchStorage(path, key, type, count) { Position = offset };
            }
            return storage.Type == type && storage.Count == count ? storage
                : throw new GraftException($"{path}: storage '{key}' is {storage.Count} {storage.Type.Name()} in one place and {count} {type.Name()} in another; the file is damaged.");
        }
    }
}
