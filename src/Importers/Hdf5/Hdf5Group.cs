using System.Text;

namespace Graft.Importers.Hdf5;

/// <summary>A group to be written: attributes, and groups and arrays by name.</summary>
internal sealed class Hdf5Group
{
    private readonly SortedDictionary<string, Hdf5Group> _groups = new(NameOrder.Instance);
    private readonly SortedDictionary<string, Hdf5Array> _arrays = new(NameOrder.Instance);
    private readonly List<Hdf5Attribute> _attributes = [];

    /// <summary>The group of a path below this one, "a/b"; what is missing of it is made.</summary>
    public Hdf5Group Group(string path)
    {
        Hdf5Group group = this;
        foreach (string name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (group._arrays.ContainsKey(name))
                throw new GraftException($"HDF5: '{path}' leads through '{name}', which is an array; a layer has the name of another one's weight. Rename it.");
            if (!group._groups.TryGetValue(name, out Hdf5Group? inner))
                group._groups[name] = inner = new Hdf5Group();
            group = inner;
        }
        return group;
    }

    /// <summary>Adds an array under a path.</summary>
    /// <exception cref="GraftException">Something of that name is there already.</exception>
    public void Add(string path, Hdf5Array array)
    {
        int slash = path.LastIndexOf('/');
        Hdf5Group group = slash < 0 ? this : Group(path[..slash]);
        string name = path[(slash + 1)..];
        if (name.Length == 0 || group._groups.ContainsKey(name) || !group._arrays.TryAdd(name, array))
            throw new GraftException($"HDF5: there would be two of '{path}'; give the layers names of their own.");
    }

    /// <summary>Adds an attribute.</summary>
    public void Add(Hdf5Attribute attribute) => _attributes.Add(attribute);

    /// <summary>Puts all texts of the group and those below into the global heap.</summary>
    public void Store(Hdf5GlobalHeap heap)
    {
        _attributes.ForEach(a => a.Store(heap));
        foreach (Hdf5Group group in _groups.Values)
            group.Store(heap);
    }

    /// <summary>Takes room for the group and what is below; returns its entry in the symbol table of the group around it.</summary>
    public Hdf5Entry Place(string name, Hdf5Layout layout, Hdf5GlobalHeap heap)
    {
        long tree = 0, names = 0;
        byte[] Header() => Hdf5Header.Of([(Hdf5Header.SymbolTable, new Hdf5Bytes().Int64(tree).Int64(names).ToArray()), .. _attributes.Select(a => (Hdf5Header.Attribute, a.Message(heap)))]);
        long header = layout.Reserve(Header().Length, Header);
        var table = new Hdf5SymbolTable([.. _groups.Keys.Concat(_arrays.Keys).Order(NameOrder.Instance)]);
        (tree, names) = table.Place(layout);
        foreach ((string child, Hdf5Group group) in _groups)
            table.Set(group.Place(child, layout, heap));
        foreach ((string child, Hdf5Array array) in _arrays)
            table.Set(new Hdf5Entry(child, array.Place(layout)));
        return new Hdf5Entry(name, header, tree, names);
    }

    /// <summary>The order that a symbol table has: by bytes, as C's strcmp.</summary>
    private sealed class NameOrder : IComparer<string>
    {
        public static NameOrder Instance { get; } = new();

        public int Compare(string? x, string? y) => Encoding.UTF8.GetBytes(x!).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(y!));
    }
}
