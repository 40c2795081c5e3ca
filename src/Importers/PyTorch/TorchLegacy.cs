using System.Buffers.Binary;
using System.Numerics;

namespace Graft.Importers.PyTorch;

/// <summary>
/// The form of torch.save before PyTorch 1.6: five pickles (magic number, protocol, the writer's system, the value, the list of storage
/// keys), then for each key the number of elements and the elements.
/// </summary>
internal static class TorchLegacy
{
    private const long Protocol = 1001;

    private static readonly BigInteger Magic = BigInteger.Parse("01950a86a20f9469cfc6c", System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);

    public static object? Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1 << 16);
        var storages = new Dictionary<string, TorchStorage>();
        var builder = new PickleBuilder(path, (key, type, count) => Storage(storages, path, key, type, count));
        object? Next() => new PickleReader(stream, path, builder).Read();
        if (Next() is not BigInteger magic || magic != Magic)
            throw new GraftException($"{path}: is a pickle, but not of torch.save: it does not begin with its magic number. Save the tensors as .safetensors.");
        if (Next() is var protocol && protocol is not Protocol)
            throw new GraftException($"{path}: has protocol {protocol} of torch.save, {Protocol} is read.");
        if (Next() is OrderedDictionary<object, object?> system && system.TryGetValue("little_endian", out object? little) && little is false)
            throw new GraftException($"{path}: was written with big-endian numbers, little-endian ones are read. Load it with PyTorch and save it again on another machine.");
        object? root = Next();
        if (Next() is not List<object?> keys)
            throw new GraftException($"{path}: has no list of storages behind its value; the file is damaged.");
        long at = stream.Position;
        foreach (object? key in keys)
            at = Place(storages.GetValueOrDefault(key as string ?? ""), stream, at, path, key);
        if (storages.Values.FirstOrDefault(s => s.Position < 0) is { } missing)
            throw new GraftException($"{path}: a tensor refers to storage '{missing.Key}', which the file does not list; it is damaged.");
        return root;
    }

    // Returns where the next one begins.
    private static long Place(TorchStorage? storage, FileStream stream, long at, string path, object? key)
    {
        if (storage is null)
            throw new GraftException($"{path}: lists the storage '{key}', which no tensor refers to; the file is damaged.");
        Span<byte> head = stackalloc byte[sizeof(long)];
        stream.Position = at;
        if (stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) < head.Length)
            throw new GraftException($"{path}: ends at byte {stream.Length}, before storage '{key}'; it is truncated. Use another copy.");
        long count = BinaryPrimitives.ReadInt64LittleEndian(head);
        if (count != storage.Count)
            throw new GraftException($"{path}: storage '{key}' has {count} elements, its tensors expect {storage.Count}; the file is damaged.");
        storage.Position = at + head.Length;
        long end = checked(storage.Position + count * storage.Type.Size());
        return end <= stream.Length ? end : throw new GraftException($"{path}: storage '{key}' ends at byte {end}, the file at {stream.Length}; it is truncated. Use another copy.");
    }

    private static TorchStorage Storage(Dictionary<string, TorchStorage> storages, string path, string key, StoredType type, long count)
    {
        if (!storages.TryGetValue(key, out TorchStorage? storage))
            storages[key] = storage = new TorchStorage(path, key, type, count);
        return storage.Type == type && storage.Count == count ? storage
            : throw new GraftException($"{path}: storage '{key}' is {storage.Count} {storage.Type.Name()} in one place and {count} {type.Name()} in another; the file is damaged.");
    }
}
