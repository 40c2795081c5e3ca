using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using Graft.Importers.Keras;
using Graft.Weights;
using PureHDF;

namespace Graft.Importers.Inspection;

/// <summary>An HDF5 file, or the one in a .keras archive: every array and attribute, and Keras's layers where it lists them.</summary>
internal sealed class Hdf5Contents
{
    private const int LongestValue = 160; // characters of an attribute that are shown
    private const string ModelConfig = "model_config";

    private readonly List<(string Name, string Value)> _facts = [];
    private readonly List<ArrayEntry> _arrays = [];
    private readonly List<AttributeEntry> _attributes = [];
    private string? _config;
    private string[] _layerNames = [];
    private string _weightsGroup = "";

    /// <summary>Reads a file.</summary>
    /// <exception cref="GraftException">It is damaged, or an archive without weights.</exception>
    public static FileContents Inspect(string path)
    {
        Hdf5Source source = Hdf5Source.Open(path);
        var contents = new Hdf5Contents();
        bool isArchive = contents.ReadArchive(path);
        bool isKeras = isArchive;
        isKeras |= source.Read(contents.ReadRoot);
        (string? summary, string? why) = contents._config is null ? (null, null) : KerasContents.Summary(path);
        if (why is not null)
            contents._facts.Add(("cannot be built", why));
        IReadOnlyList<LayerEntry> layers = contents._config is { } config ? KerasConfig.Layers(config, path) : contents.ListedLayers();
        return new FileContents(path, isArchive ? "Keras archive" : isKeras ? "Keras HDF5" : "HDF5", new FileInfo(path).Length)
        {
            Facts = contents._facts, Summary = summary, Layers = layers, Arrays = contents._arrays, Attributes = contents._attributes,
        };
    }

    // metadata.json and config.json stand beside the weights in a .keras archive.
    private bool ReadArchive(string path)
    {
        using FileStream stream = File.OpenRead(path);
        if (stream.ReadByte() != 'P')
            return false;
        using var zip = new ZipArchive(stream, ZipArchiveMode.Read);
        try
        {
            using JsonDocument metadata = JsonDocument.Parse(ZipParts.Text(zip, path, "metadata.json") ?? "{}");
            _facts.AddRange(metadata.RootElement.EnumerateObject().Select(p => (p.Name, p.Value.ToString())));
        }
        catch (JsonException e)
        {
            throw new GraftException($"{path}: its metadata.json is no JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine}); the file is damaged.", e);
        }
        _config = ZipParts.Text(zip, path, "config.json");
        return true;
    }

    private bool ReadRoot(IH5Group root)
    {
        bool legacy = IsKeras(root), whole = root.LinkExists("model_weights") && IsKeras(root.Group("model_weights"));
        foreach (IH5Attribute attribute in root.Attributes())
        {
            _facts.Add((attribute.Name, Value(attribute)));
            if (attribute.Name == ModelConfig)
                _config = attribute.Read<string>();
        }
        if (legacy || whole)
            (_layerNames, _weightsGroup) = whole ? (KerasCatalog.List(root.Group("model_weights"), "layer_names"), "model_weights/") : (KerasCatalog.List(root, "layer_names"), "");
        foreach (IH5Object child in root.Children())
            Walk(child, child.Name);
        return legacy || whole || root.LinkExists("layers") || root.LinkExists("_layer_checkpoint_dependencies");
    }

    private static bool IsKeras(IH5Group group) => group.AttributeExists("layer_names") || group.AttributeExists("layer_names0");

    private void Walk(IH5Object item, string path)
    {
        foreach (IH5Attribute attribute in item.Attributes())
            _attributes.Add(new AttributeEntry(path, attribute.Name, Value(attribute)));
        if (item is IH5Dataset dataset)
        {
            var shape = new Shape([.. (dataset.Space.Dimensions ?? []).Select(d => checked((int)d))]);
            _arrays.Add(new ArrayEntry(path, TypeName(dataset.Type), shape, dataset.Space.Type == H5DataspaceType.Null ? 0 : shape.Count * dataset.Type.Size));
        }
        foreach (IH5Object child in item is IH5Group group ? group.Children() : [])
            Walk(child, $"{path}/{child.Name}");
    }

    // A weight file does not say what its layers are; their names and how much each holds can be seen.
    private List<LayerEntry> ListedLayers()
    {
        // Keras 3 numbers the groups and keeps a layer's own name beside its arrays: layers/conv2d_2/vars, attribute "name".
        IEnumerable<(string Name, string Path)> numbered = _attributes.Where(a => a.Name == "name" && a.Owner.EndsWith("/vars", StringComparison.Ordinal)).Select(a => (a.Value, a.Owner));
        IEnumerable<(string Name, string Path)> named = _layerNames.Select(n => (n, _weightsGroup + n));
        return [.. (_layerNames.Length > 0 ? named : numbered).Select(l => Listed(l.Name, l.Path))];
    }

    private LayerEntry Listed(string name, string path)
    {
        ArrayEntry[] own = [.. _arrays.Where(a => a.Name.StartsWith($"{path}/", StringComparison.Ordinal))];
        return new LayerEntry(name, "", own.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{own.Length} arrays, {own.Sum(a => a.Shape.Count):N0} numbers"));
    }

    private static string TypeName(IH5DataType type) => type.Class switch
    {
        H5DataTypeClass.FloatingPoint => $"float{8 * type.Size}",
        H5DataTypeClass.FixedPoint => $"{(type.FixedPoint.IsSigned ? "int" : "uint")}{8 * type.Size}",
        H5DataTypeClass.Enumerated => $"enum{8 * type.Size}", // h5py writes bool so
        H5DataTypeClass.String => $"string of {type.Size}",
        _ => type.Class.ToString(),
    };

    private static string Value(IH5Attribute attribute)
    {
        ulong[] dims = attribute.Space.Dimensions ?? [];
        bool isList = dims.Length > 0, isEmpty = attribute.Space.Type == H5DataspaceType.Null || dims.Contains(0UL);
        bool isText = attribute.Type.Class == H5DataTypeClass.String || (attribute.Type.Class == H5DataTypeClass.VariableLength && attribute.Type.VariableLength.BaseType.Size == 1);
        string text = (isEmpty, attribute.Type.Class, attribute.Type.Size) switch
        {
            (true, _, _) => "none",
            _ when isText => isList ? Listed(attribute.Read<string[]>(), s => s.TrimEnd('\0')) : attribute.Read<string>().TrimEnd('\0'),
            (_, H5DataTypeClass.FloatingPoint, 4) => Shown<float>(attribute, isList),
            (_, H5DataTypeClass.FloatingPoint, 8) => Shown<double>(attribute, isList),
            (_, H5DataTypeClass.FixedPoint, 4) => Shown<int>(attribute, isList),
            (_, H5DataTypeClass.FixedPoint, 8) => Shown<long>(attribute, isList),
            _ => $"{TypeName(attribute.Type)} [{string.Join(",", dims)}]",
        };
        return text.Length <= LongestValue ? text : string.Create(CultureInfo.InvariantCulture, $"{text.AsSpan(0, LongestValue)}... ({text.Length:N0} characters)");
    }

    private static string Shown<T>(IH5Attribute attribute, bool isList)
        where T : unmanaged, IFormattable
    {
        T[] values = Hdf5Numbers.Of<T>(attribute);
        return isList ? Listed(values, v => v.ToString(null, CultureInfo.InvariantCulture)) : values[0].ToString(null, CultureInfo.InvariantCulture);
    }

    private static string Listed<T>(T[] values, Func<T, string> text) => $"[{string.Join(", ", values.Select(text))}]";
}
