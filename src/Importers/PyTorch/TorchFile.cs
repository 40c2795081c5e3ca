using System.Globalization;
using Graft.Weights;

namespace Graft.Importers.PyTorch;

/// <summary>What torch.save wrote (.bin, .pth, .pt): a value of tensors and plain containers, in the zip form or the legacy one.</summary>
/// <remarks>
/// Files are read by a pickle machine of our own, which makes tensors and plain containers only; nothing that a file names is looked up or
/// run. Values are null, bool, long or BigInteger, double, string, byte[], object[] for tuples and sizes, List for lists,
/// OrderedDictionary for dictionaries (DBNull for a key None), HashSet for sets, <see cref="TorchTensor"/>, <see cref="StoredType"/> for
/// torch.dtype (its name where no tensor of it is read), string for torch.device, <see cref="NumpyValue"/>. The numbers of tensors stay in the file until they are asked for.
/// Both forms as torch/serialization.py (1.13) and PyTorchStreamReader have them.
/// </remarks>
public sealed class TorchFile
{
    private const int DeepestContainer = 64;

    private TorchFile(string path, object? root, bool isZip)
    {
        Path = path;
        Root = root;
        IsZip = isZip;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What was saved.</summary>
    public object? Root { get; }

    /// <summary>True for the form since PyTorch 1.6, false for the one before.</summary>
    public bool IsZip { get; }

    /// <summary>Reads a file but for the numbers of its tensors.</summary>
    /// <exception cref="GraftException">
    /// It is missing, damaged, truncated, not of torch.save, or names something other than tensors and plain containers.
    /// </exception>
    public static TorchFile Open(string path)
    {
        if (!File.Exists(path))
            throw new GraftException($"{path}: no such file; a file of torch.save (.bin, .pth) is due here.");
        return FileErrors.Named(path, "cannot be read as a file of torch.save", () =>
        {
            var head = new FileHead(path);
            if (head.IsZip)
                return new TorchFile(path, TorchZip.Read(path), isZip: true);
            if (head.IsPickle)
                return new TorchFile(path, TorchLegacy.Read(path), isZip: false);
            throw new GraftException(head.IsEmpty ? $"{path}: is empty; a file of torch.save (.bin, .pth) is due here."
                : head.IsMarkup ? $"{path}: holds a page of HTML or XML, not a file of torch.save; the download went wrong. Delete it and download it again."
                : $"{path}: is no file of torch.save (it begins with {Convert.ToHexString(head.Bytes)}; the zip form begins with 504B, the legacy one with 8002).");
        });
    }

    /// <summary>True for a zip that torch.save wrote, as its entries' names tell; false for any other zip, damaged ones too.</summary>
    internal static bool IsTorchZip(string path)
    {
        try
        {
            return TorchZip.PickleOf(StoredZip.Open(path)) is not null;
        }
        catch (GraftException)
        {
            return false; // whoever reads zips of this kind says what is wrong with it
        }
    }

    /// <summary>
    /// All tensors, each with the keys and places that lead to it: "model.conv.weight", "optimizer.state.0.exp_avg". What is in a container
    /// that several others hold stands once, at the first place.
    /// </summary>
    /// <exception cref="GraftException">Containers are nested absurdly deep.</exception>
    public IReadOnlyList<(string Name, TorchTensor Tensor)> Tensors()
    {
        List<(string, TorchTensor)> found = [];
        Collect("", Root, 0, new HashSet<object>(ReferenceEqualityComparer.Instance), found);
        return found;
    }

    private void Collect(string name, object? value, int depth, HashSet<object> seen, List<(string, TorchTensor)> found)
    {
        if (value is TorchTensor tensor)
            found.Add((name, tensor));
        if (value is null or TorchTensor or string or byte[] || Items(value) is not { } items || !seen.Add(value))
            return;
        if (depth > DeepestContainer)
            throw new GraftException($"{Path}: has containers within containers, more than {DeepestContainer} deep; the file is damaged.");
        foreach ((string key, object? item) in items)
            Collect(name.Length == 0 ? key : $"{name}.{key}", item, depth + 1, seen, found);
    }

    private static IEnumerable<(string Key, object? Value)>? Items(object value) => value switch
    {
        OrderedDictionary<object, object?> dictionary => dictionary.Select(p => (Text(p.Key), p.Value)),
        IEnumerable<object?> list => list.Select((v, i) => (Text((long)i), v)),
        _ => null,
    };

    private static string Text(object key) => Convert.ToString(key, CultureInfo.InvariantCulture) ?? "";
}
