namespace Graft.Importers.Hdf5;

/// <summary>Where texts of any length stand: collections of objects that are referred to by the collection's address and a number.</summary>
/// <remarks>HDF5 file format specification 3.0, III.E.</remarks>
internal sealed class Hdf5GlobalHeap
{
    private const int HeadBytes = 16, ObjectHeadBytes = 16, SmallestCollection = 4096, LargestFill = 1 << 16;

    private readonly List<Collection> _collections = [];
    private readonly Dictionary<byte[], (Collection Owner, int Index)> _objects = new(ReferenceEqualityComparer.Instance);

    /// <summary>Adds a text; the array itself stands for it from then on.</summary>
    public void Add(byte[] text)
    {
        if (_collections.Count == 0 || _collections[^1].Bytes + text.Length > LargestFill)
            _collections.Add(new Collection());
        Collection last = _collections[^1];
        last.Objects.Add(text);
        last.Bytes += ObjectHeadBytes + Hdf5Bytes.Aligned(text.Length);
        _objects[text] = (last, last.Objects.Count);
    }

    /// <summary>Takes room for all collections.</summary>
    public void Place(Hdf5Layout layout)
    {
        foreach (Collection collection in _collections)
        {
            long size = Math.Max(SmallestCollection, collection.Bytes + ObjectHeadBytes);
            collection.Address = layout.Reserve(size, () => Content(collection, size));
        }
    }

    /// <summary>How an array refers to a text: its length, the collection, the number.</summary>
    public byte[] Reference(byte[] text)
    {
        (Collection owner, int index) = _objects[text];
        return new Hdf5Bytes().UInt32(text.Length).Int64(owner.Address).UInt32(index).ToArray();
    }

    private static byte[] Content(Collection collection, long size)
    {
        Hdf5Bytes bytes = new Hdf5Bytes().Bytes("GCOL"u8).Byte(1).PadTo(8).Int64(size);
        for (int i = 0; i < collection.Objects.Count; i++)
            bytes.UInt16(i + 1).UInt16(0).UInt32(0).Int64(collection.Objects[i].Length).Bytes(collection.Objects[i]).Align();
        return bytes.UInt16(0).UInt16(0).UInt32(0).Int64(size - collection.Bytes).PadTo(size).ToArray(); // object 0 is the room that is left
    }

    private sealed class Collection
    {
        public List<byte[]> Objects { get; } = [];

        public long Bytes { get; set; } = HeadBytes;

        public long Address { get; set; }
    }
}
