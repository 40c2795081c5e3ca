using System.Globalization;
using Graft.Importers.Keras.Structure;
using PureHDF;

namespace Graft.Importers.Keras.Stored;

/// <summary>Groups and arrays of an HDF5 file by name. Names with Windows path separators in them, as Keras 2.12 to 2.15 wrote there, are paths like any other.</summary>
internal sealed class Hdf5Tree
{
    private const int DeepestName = 64; // parts of a name

    private readonly Dictionary<string, Hdf5Tree> _groups = [];

    /// <summary>The groups inside.</summary>
    public IReadOnlyDictionary<string, Hdf5Tree> Groups => _groups;

    /// <summary>The arrays inside, numbered ones by their numbers ("2" before "10").</summary>
    public List<StoredArray> Arrays { get; } = [];

    /// <summary>The attribute "name", which the variables of a layer of Keras 3 have.</summary>
    public string? NameAttribute { get; private set; }

    /// <summary>True where there is an array of numbers with a fraction in it or below it.</summary>
    public bool HasWeights => Arrays.Exists(a => a.IsFloat) || _groups.Values.Any(g => g.HasWeights);

    /// <summary>Reads the names and shapes below a group.</summary>
    public static Hdf5Tree Of(IH5Group group, Hdf5Source source, string path = "")
    {
        var tree = new Hdf5Tree();
        tree.Read(group, source, path);
        return tree;
    }

    private void Read(IH5Group group, Hdf5Source source, string path)
    {
        NameAttribute ??= KerasCatalog.Text(group, "name");
        foreach (IH5Object child in group.Children())
        {
            string[] parts = child.Name.Split('\\', StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length is 0 or > DeepestName)
                throw Hdf5Damage.Of(source.Path, $"a name has {parts.Length} parts");
            Hdf5Tree holder = this;
            foreach (string part in child is IH5Group ? parts : parts[..^1])
                holder = holder.Group(part);
            string full = path.Length == 0 ? child.Name : $"{path}/{child.Name}";
            if (child is IH5Group inner)
                holder.Read(inner, source, full);
            else if (child is IH5Dataset dataset && dataset.Space.Type != H5DataspaceType.Null)
                holder.Arrays.Add(StoredArray.Of(dataset, source, full, parts[^1]));
        }
        Arrays.Sort((a, b) => Order(a.Name).CompareTo(Order(b.Name)));
    }

    private Hdf5Tree Group(string name)
    {
        if (!_groups.TryGetValue(name, out Hdf5Tree? group))
            _groups[name] = group = new Hdf5Tree();
        return group;
    }

    private static int Order(string name) => int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : int.MaxValue;
}
