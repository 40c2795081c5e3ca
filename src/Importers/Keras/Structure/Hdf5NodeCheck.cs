using System.Numerics;

namespace Graft.Importers.Keras.Structure;

/// <summary>Heaps and the nodes of trees, told by their signature, checked when the library comes to one.</summary>
/// <remarks>HDF5 file format 3.0, III.A (trees), III.D and E (heaps), III.G (fractal heaps); VII.C (fixed arrays).</remarks>
internal sealed class Hdf5NodeCheck(CheckedHdf5Stream file)
{
    private const int HeadBytes = 160; // no header among these is longer, but for a collection

    /// <summary>Axes of the chunks that a tree leads to; 0 where no array in chunks has been met.</summary>
    public int ChunkAxes { get; set; }

    /// <summary>Checks what begins here with these four bytes; what is none of these structures is passed over.</summary>
    public void Check(ReadOnlySpan<byte> signature, long address)
    {
        Hdf5Cursor at = file.Piece(address, (ulong)Math.Min(HeadBytes, file.Length - address), "a heap or tree");
        at.Bytes(4);
        if (signature.SequenceEqual("HEAP"u8))
            LocalHeap(at);
        else if (signature.SequenceEqual("GCOL"u8))
            GlobalHeap(at, address);
        else if (signature.SequenceEqual("TREE"u8))
            Tree(address);
        else if (signature.SequenceEqual("SNOD"u8))
            Names(address);
        else if (signature.SequenceEqual("FRHP"u8))
            FractalHeap(at);
        else if (signature.SequenceEqual("BTHD"u8))
            SecondTree(at);
        else if (signature.SequenceEqual("FAHD"u8))
            FixedArray(at);
    }

    private void LocalHeap(Hdf5Cursor at)
    {
        at.Bytes(4);
        ulong bytes = at.Number(file.LengthBytes);
        at.Number(file.LengthBytes);
        file.Within(at.Number(file.OffsetBytes), bytes, "a heap of names");
    }

    // Objects of a collection: index, count, 4 bytes, size, the bytes up to a multiple of 8; index 0 is what is free.
    private void GlobalHeap(Hdf5Cursor at, long address)
    {
        at.Bytes(4);
        ulong bytes = at.Number(file.LengthBytes);
        Hdf5Cursor collection = file.Piece(address, bytes, "a heap of texts");
        collection.Bytes(8UL + (ulong)file.LengthBytes);
        while (collection.Left > 8 + file.LengthBytes && collection.Number(2) != 0)
        {
            collection.Bytes(6);
            ulong size = collection.Number(file.LengthBytes);
            collection.Bytes(size > bytes ? size : (size + 7) / 8 * 8);
        }
    }

    // A node of the first kind of tree; those of chunks say how large each chunk is in the file.
    private void Tree(long address)
    {
        int pointers = 2 * file.OffsetBytes;
        Hdf5Cursor head = file.Piece(address, (ulong)(8 + pointers), "a tree");
        head.Bytes(4);
        ulong kind = head.Number(1), level = head.Number(1), used = head.Number(2);
        if (kind > 1)
            throw head.Damaged($"there is no tree of kind {kind}");
        if (kind == 1 && ChunkAxes == 0)
            throw head.Damaged("it leads to chunks of an array that has none");
        ulong key = kind == 0 ? (ulong)file.LengthBytes : 8 + 8 * (ulong)ChunkAxes;
        Hdf5Cursor node = file.Piece(address, (ulong)(8 + pointers) + used * (key + (ulong)file.OffsetBytes) + key, "a tree");
        node.Bytes((ulong)(8 + pointers));
        for (ulong i = 0; i < used && kind == 1; i++)
        {
            ulong bytes = node.Number(4);
            node.Bytes(key - 4);
            ulong child = node.Number(file.OffsetBytes);
            if (level == 0)
                file.Within(child, bytes, "a chunk of an array");
        }
    }

    // Names of a group: where each is in the heap, the object's header, what is known of it already.
    private void Names(long address)
    {
        const ulong Path = 2; // instead of an object
        Hdf5Cursor head = file.Piece(address, 8, "a table of names");
        head.Bytes(6);
        ulong count = head.Number(2), entry = 2 * (ulong)file.OffsetBytes + 24;
        Hdf5Cursor node = file.Piece(address, 8 + count * entry, "a table of names");
        node.Bytes(8);
        for (ulong i = 0; i < count; i++)
        {
            node.Bytes(2 * (ulong)file.OffsetBytes);
            if (node.Number(4) == Path)
                throw Hdf5Damage.Unread(file.Path, "a link leads to an object by its path");
            node.Bytes(20);
        }
    }

    private void FractalHeap(Hdf5Cursor at)
    {
        const int MostBits = 64;
        at.Bytes(1 + 2);
        if (at.Number(2) != 0)
            throw Hdf5Damage.Unread(file.Path, "names are stored in a packed heap");
        at.Bytes(1 + 4 + (8UL * (ulong)file.LengthBytes) + (2UL * (ulong)file.OffsetBytes) + (2UL * (ulong)file.LengthBytes));
        ulong width = at.Number(2), start = at.Number(file.LengthBytes), most = at.Number(file.LengthBytes), bits = at.Number(2);
        at.Number(2);
        at.Number(file.OffsetBytes);
        ulong rows = at.Number(2);
        if (!BitOperations.IsPow2(width) || !BitOperations.IsPow2(start) || !BitOperations.IsPow2(most) || start > most || bits > MostBits
            || BitOperations.Log2(start) + BitOperations.Log2(width) >= (int)bits || rows > MostBits)
        {
            throw at.Damaged($"its table has {rows} rows of {width} blocks of {start} to {most} bytes for {bits} bits");
        }
        if (rows * width * (ulong)file.OffsetBytes > (ulong)file.Length)
            throw at.Damaged($"its table of {rows} rows of {width} blocks is larger than the file");
    }

    private void SecondTree(Hdf5Cursor at)
    {
        const ulong LargestNode = 1 << 16, Deepest = 16, Overhead = 10;
        at.Bytes(2);
        ulong node = at.Number(4), record = at.Number(2), depth = at.Number(2);
        at.Bytes(2);
        at.Number(file.OffsetBytes);
        ulong records = at.Number(2);
        if (node > LargestNode || record == 0 || record + Overhead > node || depth > Deepest || records * record > node)
            throw at.Damaged($"its nodes of {node} bytes have {records} records of {record} bytes, {depth} deep");
    }

    private void FixedArray(Hdf5Cursor at)
    {
        at.Bytes(3);
        ulong bits = at.Number(1), entries = at.Number(file.LengthBytes);
        if (entries > (ulong)file.Length || bits > 32)
            throw at.Damaged($"it has {entries} entries, {bits} bits a page");
    }
}
