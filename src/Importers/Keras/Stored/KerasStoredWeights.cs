using System.Text.RegularExpressions;
using Graft.Importers.Keras.Architecture;
using Graft.Layers;
using PureHDF;

namespace Graft.Importers.Keras.Stored;

/// <summary>Brings the arrays of a file to the layers of an architecture: by name or by place, as each format has them.</summary>
internal sealed partial class KerasStoredWeights
{
    // What a layer of several parts calls them, in Keras's order; HDF5 lists them by the alphabet.
    private static readonly string[] s_parts = ["forward_layer", "backward_layer", "cell", "query_dense", "key_dense", "value_dense", "output_dense"];

    private readonly Hdf5Source _source;
    private readonly Hdf5Tree? _numbered;
    private readonly List<(string Layer, List<StoredArray> Arrays)> _named = [];
    private readonly List<StoredArray> _optimizer = [];

    private KerasStoredWeights(Hdf5Source source, IH5Group root)
    {
        _source = source;
        IH5Group? legacy = KerasCatalog.LegacyRoot(root);
        if (legacy is null)
            _numbered = Hdf5Tree.Of(root, source);
        else
            ReadNamed(legacy, ReferenceEquals(legacy, root) ? "" : "model_weights/");
        if (legacy is not null && root.LinkExists("optimizer_weights"))
            ReadOptimizer(root.Group("optimizer_weights"));
        Backend = KerasCatalog.Text(legacy, "backend");
        string[] names = [.. _named.SelectMany(g => g.Arrays).Select(a => a.Path)];
        // Keras 1 does not say its backend; TensorFlow's arrays are called "W:0", Theano's "W".
        IsTheano = Backend == "theano" || (Backend is null && names.Length > 0 && !Array.Exists(names, n => n.EndsWith(":0", StringComparison.Ordinal)));
    }

    /// <summary>The backend, where the file says it.</summary>
    public string? Backend { get; }

    /// <summary>True where convolution kernels are turned by 180 degrees.</summary>
    public bool IsTheano { get; }

    /// <summary>Reads the names and shapes of a file.</summary>
    /// <exception cref="GraftException">It is no weight file of Keras.</exception>
    public static KerasStoredWeights Open(Hdf5Source source) => source.Read(root =>
    {
        KerasCatalog.Of(root, source); // refuses what is not Keras's, and lists that lead nowhere
        return new KerasStoredWeights(source, root);
    });

    /// <summary>The arrays of each leaf layer that has parameters, in Keras's order.</summary>
    /// <exception cref="GraftException">Layers and arrays do not go together.</exception>
    public IReadOnlyList<(KerasBuiltLayer Layer, IReadOnlyList<StoredArray> Arrays)> Assign(IReadOnlyList<KerasBuiltLayer> layers)
    {
        var assigned = new List<(KerasBuiltLayer, IReadOnlyList<StoredArray>)>();
        if (_numbered is not null)
            AssignNumbered(_numbered, layers, "", assigned);
        else
            AssignNamed(layers, assigned);
        Dictionary<KerasBuiltLayer, int> place = layers.SelectMany(l => l.Leaves).Distinct().Select((l, i) => (l, i)).ToDictionary(p => p.l, p => p.i);
        return [.. assigned.OrderBy(a => place[a.Item1])]; // the order of optimizer slots
    }

    /// <summary>The optimizer's variables in the file's order, counters among them; none where the file has none.</summary>
    public IReadOnlyList<StoredArray> OptimizerArrays() => _numbered?.Groups.GetValueOrDefault("optimizer")?.Groups.GetValueOrDefault("vars")?.Arrays ?? _optimizer;

    private void ReadOptimizer(IH5Group group)
    {
        foreach (string name in KerasCatalog.List(group, KerasCatalog.WeightNames))
        {
            if (group.LinkExists(name))
                _optimizer.Add(StoredArray.Of(group.Dataset(name), _source, $"optimizer_weights/{name}", name));
        }
    }

    private static bool HasParameters(KerasBuiltLayer layer) => layer.Leaves.Any(l => l.Layer is { Parameters.Count: > 0 });

    private void ReadNamed(IH5Group root, string prefix)
    {
        foreach (string layer in KerasCatalog.List(root, KerasCatalog.LayerNames))
        {
            if (root.Get(layer) is not IH5Group group)
                continue;
            var arrays = new List<StoredArray>();
            foreach (string name in KerasCatalog.List(group, KerasCatalog.WeightNames))
            {
                StoredArray array = StoredArray.Of(group.Dataset(name), _source, $"{prefix}{layer}/{name}", name);
                if (array.IsFloat)
                    arrays.Add(array);
            }
            if (arrays.Count > 0)
                _named.Add((layer, arrays));
        }
    }

    private void AssignNamed(IReadOnlyList<KerasBuiltLayer> layers, List<(KerasBuiltLayer, IReadOnlyList<StoredArray>)> assigned)
    {
        Dictionary<string, List<StoredArray>> byName = _named.ToDictionary(g => g.Layer, g => g.Arrays);
        // Keras 1 has a group for each layer of models that a Sequential begins by joining.
        KerasBuiltLayer[] due = [.. layers.Where(HasParameters).SelectMany(l => byName.ContainsKey(l.Spec.Name) || !l.Leaves.Where(HasParameters).All(i => byName.ContainsKey(i.Spec.Name)) ? [l] : l.Leaves.Where(HasParameters))];
        bool named = Array.TrueForAll(due, l => byName.ContainsKey(l.Spec.Name));
        if (!named && due.Length != _named.Count)
        {
            throw new GraftException($"{_source.Path}: holds weights of {_named.Count} layers ({Some(_named.Select(g => g.Layer))}), but the architecture has {due.Length} layers with weights ({Some(due.Select(l => l.Spec.Name))}). "
                + "These are weights of another model; name the architecture that they were saved from.");
        }
        for (int i = 0; i < due.Length; i++)
        {
            List<StoredArray> arrays = named ? byName[due[i].Spec.Name] : _named[i].Arrays; // Keras's load_weights goes by place
            if (due[i].Spec.Nested is null)
                assigned.Add((due[i], arrays));
            else
                NestedArrays.Assign(_source.Path, due[i], arrays, assigned);
        }
    }

    private void AssignNumbered(Hdf5Tree tree, IReadOnlyList<KerasBuiltLayer> layers, string path, List<(KerasBuiltLayer, IReadOnlyList<StoredArray>)> assigned)
    {
        Hdf5Tree? container = KerasCatalog.Containers.Select(tree.Groups.GetValueOrDefault).FirstOrDefault(g => g is { HasWeights: true });
        container ??= tree.Groups.GetValueOrDefault("layer") is { } wrapped ? KerasCatalog.Containers.Select(wrapped.Groups.GetValueOrDefault).FirstOrDefault(g => g is { HasWeights: true }) : null;
        KerasBuiltLayer[] due = [.. layers.Where(HasParameters)];
        if (due.Length == 0)
            return;
        if (container is null)
            throw new GraftException($"{_source.Path}: holds no weights at '{path}layers', where those of {Some(due.Select(l => l.Path))} are due.");
        foreach (IGrouping<string, KerasBuiltLayer> same in due.GroupBy(l => SnakeCase(ClassOf(l))))
        {
            // Numbers count layers of a class within the container; how, changed between versions (2.12 to 2.15 count layers with weights twice). Their order did not.
            Hdf5Tree[] groups = [.. container.Groups.Select(g => (Number: NumberOf(g.Key, same.Key), g.Value)).Where(g => g.Number >= 0 && g.Value.HasWeights).OrderBy(g => g.Number).Select(g => g.Value)];
            KerasBuiltLayer[] own = [.. same];
            if (groups.Length != own.Length)
            {
                throw new GraftException($"{_source.Path}: holds weights of {groups.Length} layers '{path}layers/{same.Key}', but the architecture has {own.Length} layers of class {ClassOf(own[0])} with weights there ({Some(own.Select(l => l.Spec.Name))}). "
                    + "These are weights of another model; name the architecture that they were saved from.");
            }
            for (int i = 0; i < own.Length; i++)
            {
                if (own[i].Spec.Nested is null)
                    assigned.Add((own[i], [.. Arrays(groups[i], own[i].Layer!).Where(a => a.IsFloat)]));
                else
                    AssignNumbered(groups[i], own[i].Inner, $"{own[i].Path}/", assigned);
            }
        }
    }

    private static string ClassOf(KerasBuiltLayer layer) => layer.Spec.Nested is { } nested && layer.Spec.ClassName is "Model" or "Functional"
        ? layer.Spec.Nested!.IsSequential ? "Sequential" : "Functional" : PythonClass(layer.Spec.ClassName);

    /// <summary>What a class is called in Keras's source, which containers go by, where its public name is another.</summary>
    public static string PythonClass(string className) => className == "GroupQueryAttention" ? "GroupedQueryAttention" : className;

    /// <summary>The arrays of a layer; cells of a stack are numbered by their classes, and stand in the order of the stack.</summary>
    private static IEnumerable<StoredArray> Arrays(Hdf5Tree tree, Layer layer)
    {
        if (layer is not RNN { Inner.Count: > 1 } stack || tree.Groups.GetValueOrDefault("cell")?.Groups.GetValueOrDefault("cells") is not { } cells)
            return Below(tree);
        var counts = new Dictionary<string, int>();
        return stack.Inner.SelectMany(cell =>
        {
            string stem = SnakeCase(cell.ClassName);
            int n = counts[stem] = counts.GetValueOrDefault(stem, -1) + 1;
            return cells.Groups.FirstOrDefault(g => NumberOf(g.Key, stem) == n).Value is { } own ? Below(own) : [];
        });
    }

    private static IEnumerable<StoredArray> Below(Hdf5Tree tree)
    {
        IEnumerable<KeyValuePair<string, Hdf5Tree>> parts = tree.Groups.Where(g => g.Key != "vars").OrderBy(g => Array.IndexOf(s_parts, g.Key.TrimStart('_')) is var i && i < 0 ? s_parts.Length : i);
        return [.. tree.Arrays, .. tree.Groups.GetValueOrDefault("vars")?.Arrays ?? [], .. parts.SelectMany(p => Below(p.Value))];
    }

    // "conv2d" is 0, "conv2d_12" is 12, anything else -1
    private static int NumberOf(string name, string stem) => name == stem ? 0
        : name.Length > stem.Length + 1 && name.StartsWith(stem, StringComparison.Ordinal) && name[stem.Length] == '_' && int.TryParse(name.AsSpan(stem.Length + 1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out int n) ? n : -1;

    /// <summary>keras.src.utils.naming.to_snake_case: what containers call a class, and losses and metrics their functions.</summary>
    public static string SnakeCase(string name) =>
        LowerUpper().Replace(AnyUpper().Replace(NonWord().Replace(name, ""), "$1_$2"), "$1_$2").ToLowerInvariant();

    private static string Some(IEnumerable<string> names)
    {
        const int Most = 6;
        string[] all = [.. names];
        return string.Join(", ", all.Take(Most)) + (all.Length > Most ? $", and {all.Length - Most} more" : "");
    }

    [GeneratedRegex(@"\W+")]
    private static partial Regex NonWord();

    [GeneratedRegex("(.)([A-Z][a-z]+)")]
    private static partial Regex AnyUpper();

    [GeneratedRegex("([a-z])([A-Z])")]
    private static partial Regex LowerUpper();
}
