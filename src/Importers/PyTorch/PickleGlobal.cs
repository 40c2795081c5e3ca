using System.Collections.Frozen;

namespace Graft.Importers.PyTorch;

/// <summary>What a global that a pickle names stands for here. Nothing is ever looked up or called by its name.</summary>
internal enum GlobalKind
{
    /// <summary>collections.OrderedDict: a dictionary.</summary>
    Dictionary,

    /// <summary>builtins.set and frozenset.</summary>
    Set,

    /// <summary>builtins.bytes: protocol 2 writes empty bytes so.</summary>
    Bytes,

    /// <summary>_codecs.encode: protocol 2 writes bytes as text of Latin-1.</summary>
    Encode,

    /// <summary>torch.Size: a tuple.</summary>
    Size,

    /// <summary>torch.device: its name.</summary>
    Device,

    /// <summary>torch.FloatStorage and others: a type within a storage's id.</summary>
    Storage,

    /// <summary>torch.float16 and others: a type as a value.</summary>
    ElementType,

    /// <summary>torch._utils._rebuild_tensor and _rebuild_tensor_v2: a view of a storage.</summary>
    Tensor,

    /// <summary>torch._utils._rebuild_parameter: its tensor.</summary>
    Parameter,

    /// <summary>numpy._reconstruct: an array whose state follows.</summary>
    NumpyArray,

    /// <summary>numpy.ndarray: the class that is given to _reconstruct.</summary>
    NumpyClass,

    /// <summary>numpy.dtype.</summary>
    NumpyType,

    /// <summary>numpy.core.multiarray.scalar.</summary>
    NumpyScalar,
}

/// <summary>A global that a pickle may name: one of a fixed table.</summary>
/// <param name="Name">Module and name, as the file has them.</param>
/// <param name="Kind">What is made of it.</param>
/// <param name="Type">For storages and types of elements, which.</param>
internal sealed record PickleGlobal(string Name, GlobalKind Kind, StoredType? Type = null)
{
    private static readonly (string Storage, StoredType Type)[] Storages =
    [
        ("Double", StoredType.Float64), ("Float", StoredType.Float32), ("Half", StoredType.Float16), ("BFloat16", StoredType.BFloat16), ("Long", StoredType.Int64),
        ("Int", StoredType.Int32), ("Short", StoredType.Int16), ("Char", StoredType.Int8), ("Byte", StoredType.UInt8), ("Bool", StoredType.Bool),
    ];

    private static readonly FrozenDictionary<string, PickleGlobal> Known = Table().ToFrozenDictionary(g => g.Name);

    /// <summary>What the name leaves in the pickle: a type of elements is a value by itself, all others wait for a call.</summary>
    public object Value => Kind != GlobalKind.ElementType ? this : Type is { } type ? type : Name;

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>The global of a name.</summary>
    /// <exception cref="GraftException">It is none of those that tensors and plain containers need.</exception>
    public static PickleGlobal Of(string module, string name, string path)
    {
        string full = $"{module}.{name}";
        if (Known.TryGetValue(full, out PickleGlobal? global))
            return global;
        string mend = module.StartsWith("torch.nn.", StringComparison.Ordinal) || module == "__main__"
            ? "The file holds a whole module; save its state_dict: torch.save(model.state_dict(), ...), or better safetensors.torch.save_file."
            : module == "torch" && name.EndsWith("Storage", StringComparison.Ordinal)
                ? "It is a type of numbers that weights do not have (complex, quantised); convert them to floating point and save them again."
                : "Where you trust the file, load it with PyTorch and save its state_dict by safetensors.torch.save_file.";
        throw new GraftException($"{path}: its pickle names '{string.Concat(full.Select(c => char.IsControl(c) ? '\uFFFD' : c))}', which is not read here: only tensors and plain containers are, and nothing that a file names is run. {mend}");
    }

    // Protocol 2 names the modules of Python 2, later protocols those of Python 3.
    private static IEnumerable<PickleGlobal> Table()
    {
        yield return new("collections.OrderedDict", GlobalKind.Dictionary);
        foreach (string module in new[] { "builtins", "__builtin__" })
        {
            yield return new($"{module}.set", GlobalKind.Set);
            yield return new($"{module}.frozenset", GlobalKind.Set);
            yield return new($"{module}.bytes", GlobalKind.Bytes);
        }
        yield return new("_codecs.encode", GlobalKind.Encode);
        yield return new("torch.Size", GlobalKind.Size);
        yield return new("torch.device", GlobalKind.Device);
        yield return new("torch._utils._rebuild_tensor", GlobalKind.Tensor);
        yield return new("torch._utils._rebuild_tensor_v2", GlobalKind.Tensor);
        yield return new("torch._utils._rebuild_parameter", GlobalKind.Parameter);
        foreach ((string storage, StoredType type) in Storages)
        {
            yield return new($"torch.{storage}Storage", GlobalKind.Storage, type);
            yield return new($"torch.{type.Name()}", GlobalKind.ElementType, type);
        }
        foreach (string type in new[] { "complex32", "complex64", "complex128", "uint16", "uint32", "uint64", "qint8", "quint8", "qint32", "float8_e4m3fn", "float8_e5m2" })
            yield return new($"torch.{type}", GlobalKind.ElementType);
        foreach (string module in new[] { "numpy.core", "numpy._core" })
        {
            yield return new($"{module}.multiarray._reconstruct", GlobalKind.NumpyArray);
            yield return new($"{module}.multiarray.scalar", GlobalKind.NumpyScalar);
        }
        yield return new("numpy.ndarray", GlobalKind.NumpyClass);
        yield return new("numpy.dtype", GlobalKind.NumpyType);
    }
}
