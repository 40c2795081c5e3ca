using System.Text;

namespace Graft.Importers.Hdf5;

/// <summary>What a symbol table says of a child.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Header">Address of its object header.</param>
/// <param name="Tree">Of a group: address of its B-tree.</param>
/// <param name="Names">Of a group: address of its local heap.</param>
internal sealed record Hdf5Entry(string Name, long Header, long? Tree = null, long? Names = null)
{
    private const int Uncached = 0, CachedGroup = 1, ScratchBytes = 16;

    /// <summary>Bytes of an entry.</summary>
    public const int Bytes = 40;

    /// <summary>Writes the entry (HDF5 file format specification 3.0, III.C).</summary>
    public void WriteTo(Hdf5Bytes bytes, long nameAt)
    {
        bytes.Int64(nameAt).Int64(Header).UInt32(Tree is null ? Uncached : CachedGroup).UInt32(0);
        if (Tree is null)
            bytes.PadTo(bytes.Count + ScratchBytes);
        else
            bytes.Int64(Tree.Value).Int64(Names!.Value);
    }
}

/// <summary>The children of a group: names in a local heap, entries in nodes of eight, and a B-tree over these.</summary>
/// <remarks>HDF5 file format specification 3.0, III.A.1, III.B, III.D.</remarks>
/// <param name="names">The children's names, in the order of their bytes.</param>
internal sealed class Hdf5SymbolTable(IReadOnlyList<string> names)
{
    /// <summary>Half the entries of a node of symbols, and half the children of a node of the tree: the HDF5 library's defaults, which the superblock says.</summary>
    public const int LeafK = 4, InternalK = 16;

    private const int NodeHeadBytes = 8, TreeHeadBytes = 24, HeapHeadBytes = 32, NoFreeRoom = 1;
    private const int NodeBytes = NodeHeadBytes + 2 * LeafK * Hdf5Entry.Bytes, TreeBytes = TreeHeadBytes + (4 * InternalK + 1) * sizeof(long);

    private readonly Dictionary<string, Hdf5Entry> _entries = [];
    private readonly Dictionary<string, long> _nameAt = [];

    /// <summary>Says where a child is.</summary>
    public void Set(Hdf5Entry entry) => _entries[entry.Name] = entry;

    /// <summary>Takes room; returns the addresses of the B-tree and of the local heap.</summary>
    public (long Tree, long Names) Place(Hdf5Layout layout)
    {
        byte[] text = NameBytes();
        long heap = 0;
        heap = layout.Reserve(HeapHeadBytes + text.Length, () => new Hdf5Bytes().Bytes("HEAP"u8).PadTo(8).Int64(text.Length).Int64(NoFreeRoom).Int64(heap + HeapHeadBytes).Bytes(text).ToArray());
        var level = new List<(long Address, string Last)>();
        foreach (string[] chunk in names.Chunk(2 * LeafK))
            level.Add((layout.Reserve(NodeBytes, () => Node(chunk)), chunk[^1]));
        int height = 0;
        do
        {
            level = PlaceLevel(layout, level, height);
            height++;
        }
        while (level.Count > 1);
        return (level[0].Address, heap);
    }

    // An empty name first, which is the key left of all others.
    private byte[] NameBytes()
    {
        Hdf5Bytes text = new Hdf5Bytes().PadTo(8);
        foreach (string name in names)
        {
            _nameAt[name] = text.Count;
            text.Bytes(Encoding.UTF8.GetBytes(name)).Byte(0).Align();
        }
        return text.ToArray();
    }

    private byte[] Node(string[] children)
    {
        Hdf5Bytes bytes = new Hdf5Bytes().Bytes("SNOD"u8).Byte(1).Byte(0).UInt16(children.Length);
        foreach (string child in children)
            _entries[child].WriteTo(bytes, _nameAt[child]);
        return bytes.PadTo(NodeBytes).ToArray();
    }

    /// <summary>Takes room for the nodes of the tree above some nodes.</summary>
    private List<(long Address, string Last)> PlaceLevel(Hdf5Layout layout, List<(long Address, string Last)> below, int height)
    {
        var above = new List<(long Address, string Last)>();
        string before = "";
        (long Address, string Last)[][] groups = below.Count == 0 ? [[]] : [.. below.Chunk(2 * InternalK)];
        for (int i = 0; i < groups.Length; i++)
        {
            (int place, string first, (long Address, string Last)[] children) = (i, before, groups[i]);
            long address = layout.Reserve(TreeBytes, () => Tree(children, first, height, Sibling(above, place - 1), Sibling(above, place + 1)));
            above.Add((address, children.Length == 0 ? "" : children[^1].Last));
            before = above[^1].Last;
        }
        return above;
    }

    private static long Sibling(List<(long Address, string Last)> level, int place) => place >= 0 && place < level.Count ? level[place].Address : Hdf5Layout.Undefined;

    // Keys stand between children: the last name left of the first child, then the last name of each.
    private byte[] Tree((long Address, string Last)[] children, string first, int height, long left, long right)
    {
        Hdf5Bytes bytes = new Hdf5Bytes().Bytes("TREE"u8).Byte(0).Byte(height).UInt16(children.Length).Int64(left).Int64(right);
        bytes.Int64(first.Length == 0 ? 0 : _nameAt[first]);
        foreach ((long address, string last) in children)
            bytes.Int64(address).Int64(_nameAt[last]);
        return bytes.PadTo(TreeBytes).ToArray();
    }
}
