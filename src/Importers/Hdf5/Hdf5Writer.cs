namespace Graft.Importers.Hdf5;

/// <summary>Writes HDF5 files in the form that h5py writes by default and that all versions of the HDF5 library read.</summary>
/// <remarks>
/// Superblock 0, groups as symbol tables, contiguous arrays, texts as h5py stores Python's. HDF5 file format specification 3.0. PureHDF, which reads such files
/// here, can write HDF5 too, but its options have one length of texts for a whole file and no character set (H5WriteOptions): Keras's lists have a length each, and its
/// readers take ASCII for bytes and UTF-8 for str, which they treat otherwise.
/// </remarks>
internal static class Hdf5Writer
{
    private const int SuperblockBytes = 96, OffsetBytes = 8;

    private static readonly byte[] s_signature = [0x89, .. "HDF\r\n"u8, 0x1A, (byte)'\n'];

    /// <summary>Writes a whole file; the stream need not seek.</summary>
    public static void Write(Stream stream, Hdf5Group root)
    {
        var layout = new Hdf5Layout();
        var heap = new Hdf5GlobalHeap();
        Hdf5Entry? entry = null;
        layout.Reserve(SuperblockBytes, () => Superblock(entry!, layout.End));
        root.Store(heap);
        heap.Place(layout);
        entry = root.Place("", layout, heap);
        layout.Write(stream);
    }

    // HDF5 file format specification 3.0, II.A, version 0.
    private static byte[] Superblock(Hdf5Entry root, long end)
    {
        Hdf5Bytes bytes = new Hdf5Bytes().Bytes(s_signature).UInt32(0).Byte(0).Byte(OffsetBytes).Byte(OffsetBytes).Byte(0);
        bytes.UInt16(Hdf5SymbolTable.LeafK).UInt16(Hdf5SymbolTable.InternalK).UInt32(0);
        bytes.Int64(0).Int64(Hdf5Layout.Undefined).Int64(end).Int64(Hdf5Layout.Undefined);
        root.WriteTo(bytes, nameAt: 0);
        return bytes.ToArray();
    }
}
