using Graft.Importers.Keras.Stored;
using PureHDF;

namespace Graft.Importers.Keras;

/// <summary>An array of a Keras file.</summary>
/// <param name="Path">Where it is in the HDF5 file.</param>
/// <param name="Shape">Its shape there.</param>
/// <param name="Rotated">True for a kernel that Theano's convolution turns by 180 degrees.</param>
internal sealed record KerasArray(string Path, Shape Shape, bool Rotated);

/// <summary>Finds the arrays of a Keras file, whichever Keras wrote it.</summary>
internal sealed class KerasCatalog
{
    /// <summary>Attributes that list the names of layers and of a layer's arrays.</summary>
    public const string LayerNames = "layer_names", WeightNames = "weight_names";

    private const string Variables = "vars";

    /// <summary>Where the parts of a model stand in files that number the arrays: Keras 3, and Keras 2.12 to 2.15.</summary>
    public static readonly string[] Containers = ["layers", "_layer_checkpoint_dependencies"];

    /// <summary>The arrays by their path: "layer/parameter", in nested models "model/layer/parameter".</summary>
    public Dictionary<string, KerasArray> Arrays { get; } = [];

    /// <summary>The same without the models around: "layer/parameter".</summary>
    public HashSet<string> Leaves { get; } = [];

    /// <summary>True where a layer's arrays are numbered.</summary>
    public bool IsNumbered { get; private init; }

    /// <summary>The backend that wrote the file.</summary>
    public string? Backend { get; private init; }

    /// <summary>The version that wrote the file.</summary>
    public string? KerasVersion { get; private init; }

    /// <summary>Reads the catalogue of a file.</summary>
    /// <exception cref="GraftException">Keras did not write it.</exception>
    public static KerasCatalog Of(IH5Group root, Hdf5Source source)
    {
        string path = source.Path;
        IH5Group? legacy = LegacyRoot(root);
        string? container = Array.Find(Containers, c => root.LinkExists(c) || root.Children().Any(child => child.Name.StartsWith($"{c}\\", StringComparison.Ordinal)));
        if (legacy is null && container is null)
        {
            string holds = string.Join(", ", root.Children().Take(10).Select(c => c.Name));
            throw new GraftException($"{path}: is HDF5, but not a weight file of Keras: it has neither 'layer_names' nor 'model_weights' nor 'layers' (it holds {holds}).");
        }
        var catalog = new KerasCatalog { IsNumbered = legacy is null, Backend = Text(legacy, "backend"), KerasVersion = Text(legacy, "keras_version") };
        if (legacy is null)
            catalog.Numbered(Hdf5Tree.Of(root, source).Groups[container!], "");
        else
            catalog.Named(legacy, path, ReferenceEquals(legacy, root) ? "" : "model_weights/");
        return catalog;
    }

    /// <summary>The group whose layer_names lists the layers: Keras 1 and 2, and the .h5 files of Keras 3; null in others.</summary>
    public static IH5Group? LegacyRoot(IH5Group root) => HasList(root, LayerNames) ? root
        : root.LinkExists("model_weights") && HasList(root.Group("model_weights"), LayerNames) ? root.Group("model_weights") : null;

    /// <summary>A list of names in an attribute, or, where it is over 64 KB, in name0, name1, ...</summary>
    public static string[] List(IH5Object owner, string name)
    {
        if (owner.AttributeExists(name))
            return Strings(owner.Attribute(name));
        List<string> parts = [];
        for (int i = 0; owner.AttributeExists($"{name}{i}"); i++)
            parts.AddRange(Strings(owner.Attribute($"{name}{i}")));
        return [.. parts];
    }

    // An empty list has no string type but that of numpy's default, float64.
    private static string[] Strings(IH5Attribute attribute) =>
        attribute.Space.Dimensions is [0] ? [] : Array.ConvertAll(attribute.Read<string[]>(), s => s.TrimEnd('\0'));

    private static bool HasList(IH5Object owner, string name) => owner.AttributeExists(name) || owner.AttributeExists($"{name}0");

    /// <summary>An attribute that is a text; null where there is none.</summary>
    public static string? Text(IH5Object? owner, string name) =>
        owner is not null && owner.AttributeExists(name) ? owner.Attribute(name).Read<string>().TrimEnd('\0') : null;

    // Keras 1 and 2, and the .h5 files of Keras 3: one group a layer, whose weight_names lead to the arrays.
    private void Named(IH5Group root, string path, string prefix)
    {
        foreach (string layer in List(root, LayerNames))
        {
            if (!root.LinkExists(layer))
                throw new GraftException($"{path}: 'layer_names' lists '{layer}', but there is no such group; the file is damaged.");
            if (root.Get(layer) is IH5Dataset array) // shards of transformers list the arrays themselves
            {
                KerasName own = KerasName.Parse(layer, "", 0);
                Add(own.Within, own.Layer, own.Parameter, array, prefix + layer, rotated: false);
                continue;
            }
            IH5Group group = root.Group(layer);
            KerasName[] names = [.. List(group, WeightNames).Select((n, i) => KerasName.Parse(n, layer, i))];
            // A group whose arrays all carry one name is a layer, even where TensorFlow made the name unique; any other is a nested model.
            bool isLayer = names.All(n => n.Layer == names[0].Layer && KerasName.IsVariant(n.Layer, layer));
            foreach (KerasName name in names)
            {
                if (!group.LinkExists(name.Path))
                    throw new GraftException($"{path}: layer '{layer}' lists '{name.Path}', but there is no such array; the file is damaged.");
                IH5Dataset dataset = group.Dataset(name.Path);
                bool rotated = Backend == "theano" && name.Parameter == "kernel" && dataset.Space.Dimensions.Length >= 3;
                string outer = isLayer ? "" : Join(layer, name.Within == layer || name.Within.StartsWith($"{layer}/", StringComparison.Ordinal) ? name.Within[layer.Length..].TrimStart('/') : name.Within);
                Add(outer, isLayer ? layer : name.Layer, name.Parameter, dataset, $"{prefix}{layer}/{name.Path}", rotated);
            }
        }
    }

    // Keras 3: layers/conv2d_2/vars/0; the layer's own name is an attribute of "vars". Nested models have "layers" again.
    private void Numbered(Hdf5Tree tree, string outer)
    {
        foreach ((string key, Hdf5Tree child) in tree.Groups.Where(g => g.Key != Variables))
        {
            if (Containers.Contains(key))
            {
                Numbered(child, outer);
                continue;
            }
            Hdf5Tree? vars = child.Groups.GetValueOrDefault(Variables);
            string name = vars?.NameAttribute ?? key;
            foreach (StoredArray array in vars?.Arrays.Where(a => a.IsFloat) ?? [])
                Add(outer, name, array.Name, new KerasArray(array.Path, array.Shape, Rotated: false));
            Numbered(child, Join(outer, name));
        }
    }

    // Whole numbers are no weights: counters, and the state of random generators.
    private void Add(string outer, string layer, string parameter, IH5Dataset dataset, string path, bool rotated)
    {
        if (dataset.Type.Class == H5DataTypeClass.FloatingPoint)
            Add(outer, layer, parameter, new KerasArray(path, ShapeOf(dataset), rotated));
    }

    private void Add(string outer, string layer, string parameter, KerasArray array)
    {
        Arrays[Join(outer, $"{layer}/{parameter}")] = array;
        Leaves.Add($"{layer}/{parameter}");
    }

    private static string Join(string outer, string inner) => outer.Length == 0 ? inner : inner.Length == 0 ? outer : $"{outer}/{inner}";

    private static Shape ShapeOf(IH5Dataset dataset) => new([.. dataset.Space.Dimensions.Select(d => checked((int)d))]);
}
