using System.Globalization;
using System.Text;

namespace Graft.Importers.PyTorch;

/// <summary>Makes values of what a pickle of torch.save names: tensors over storages, dictionaries, sets, byte strings.</summary>
/// <param name="path">The file, for errors.</param>
/// <param name="storage">The storage of a key, type and number of elements; the same one for the same key.</param>
internal sealed class PickleBuilder(string path, Func<string, StoredType, long, TorchStorage> storage)
{
    private const long MostCopied = 1 << 26; // items or bytes in all: a short pickle may ask for copies of one value over and over

    private long _copied;

    /// <summary>The storage of a persistent id: ('storage', type, key, location, elements), in the legacy form with a sixth item.</summary>
    public TorchStorage Storage(object?[] id)
    {
        if (id is not ["storage", PickleGlobal { Kind: GlobalKind.Storage, Type: { } type }, string key, _, long count, ..] || count < 0)
            throw Damaged($"has a persistent id that is no storage: ({string.Join(", ", id)})");
        if (id.Length > 5 && id[5] is not null)
            throw new GraftException($"{path}: storage '{key}' is a part of another one, as PyTorch before 0.4 wrote it; that is not read. Load the file with PyTorch and save it again.");
        return storage(key, type, count);
    }

    /// <summary>The value that a call of a global stands for.</summary>
    public object? Make(PickleGlobal global, object?[] arguments) => (global.Kind, arguments) switch
    {
        (GlobalKind.Dictionary, []) => new OrderedDictionary<object, object?>(),
        (GlobalKind.Dictionary, [List<object?> pairs]) when Copies(pairs.Count) => Dictionary(pairs),
        (GlobalKind.Set, []) => new HashSet<object?>(),
        (GlobalKind.Set, [List<object?> items]) when Copies(items.Count) => new HashSet<object?>(items),
        (GlobalKind.Bytes, []) => System.Array.Empty<byte>(),
        (GlobalKind.Encode, [string text, "latin1" or "latin-1"]) when Copies(text.Length) => Encoding.Latin1.GetBytes(text),
        (GlobalKind.Size, [object?[] dims]) => dims,
        (GlobalKind.Device, [string kind]) => kind,
        (GlobalKind.Device, [string kind, long index]) => $"{kind}:{index.ToString(CultureInfo.InvariantCulture)}",
        (GlobalKind.Tensor, [TorchStorage of, long offset, object?[] size, object?[] stride, ..]) => Tensor(of, offset, size, stride),
        (GlobalKind.Parameter, [TorchTensor data, ..]) => data,
        (GlobalKind.NumpyArray or GlobalKind.NumpyType or GlobalKind.NumpyScalar, _) when Copies(1) => NumpyValue.Make(global, arguments, path),
        _ => throw Damaged($"calls '{global.Name}' with arguments that it does not take"),
    };

    /// <summary>A value with the state that follows it: an OrderedDict's attributes are dropped, arrays of NumPy become whole.</summary>
    public object? SetState(object? value, object? state) => (value, state) switch
    {
        (OrderedDictionary<object, object?>, _) => value, // _metadata: versions of modules
        (NumpyValue numpy, object?[] parts) when Copies(parts is [.., string text] ? text.Length : 0) => numpy.With(parts, path),
        (TorchTensor, _) => throw Damaged("gives a tensor attributes; save plain tensors"),
        _ => throw Damaged("gives a state to a value that takes none"),
    };

    private bool Copies(long items)
    {
        _copied += items;
        return _copied <= MostCopied ? true : throw Damaged($"copies more than {MostCopied} items");
    }

    private OrderedDictionary<object, object?> Dictionary(List<object?> pairs)
    {
        var dictionary = new OrderedDictionary<object, object?>();
        foreach (object? pair in pairs)
        {
            IReadOnlyList<object?> both = pair as IReadOnlyList<object?> ?? [];
            if (both.Count != 2)
                throw Damaged("makes a dictionary of items that are no pairs");
            dictionary[both[0] ?? DBNull.Value] = both[1];
        }
        return dictionary;
    }

    private TorchTensor Tensor(TorchStorage of, long offset, object?[] size, object?[] stride)
    {
        if (!size.All(d => d is >= 0L and <= int.MaxValue) || !stride.All(s => s is long))
            throw Damaged($"has a tensor of size ({string.Join(", ", size)}) and strides ({string.Join(", ", stride)})");
        return new TorchTensor(of, offset, new Shape([.. size.Select(d => (int)(long)d!)]), [.. stride.Select(s => (long)s!)]);
    }

    private GraftException Damaged(string what) => new($"{path}: its pickle {what}; the file is damaged, or of a kind that is not read. Load it with PyTorch and save its state_dict by safetensors.torch.save_file.");
}
