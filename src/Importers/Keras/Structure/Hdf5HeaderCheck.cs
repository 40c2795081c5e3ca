namespace Graft.Importers.Keras.Structure;

/// <summary>Object headers, checked with all their messages when the library comes to one.</summary>
/// <remarks>HDF5 file format 3.0, IV.A.1 (headers) and IV.A.2 (messages).</remarks>
internal sealed class Hdf5HeaderCheck(CheckedHdf5Stream file)
{
    private const ulong Shared = 2; // a message's flag: its content stands elsewhere
    private const int MostContinuations = 4096;

    private const int ExternalFiles = 0x07, Link = 0x06, Attribute = 0x0C, Continuation = 0x10;

    /// <summary>Checks the header that begins here.</summary>
    /// <returns>Axes of a chunk, as the nodes that lead to the array's chunks count them; 0 where there is none.</returns>
    public int Check(long address)
    {
        var pieces = new Queue<(long At, ulong Bytes, bool IsContinuation)>();
        var array = new Hdf5ArrayCheck(file.Path, file.Length, file.OffsetBytes, file.LengthBytes);
        bool isFirst = file.Piece(address, 1, "an object header").Number(1) == 1;
        int order = 0;
        if (isFirst)
        {
            Hdf5Cursor head = file.Piece(address, 16, "an object header");
            head.Bytes(8);
            pieces.Enqueue((address + 16, head.Number(4), false));
        }
        else
        {
            order = SecondVersion(address, pieces);
        }
        var seen = new HashSet<long>();
        while (pieces.TryDequeue(out (long At, ulong Bytes, bool IsContinuation) piece))
        {
            if (!seen.Add(piece.At) || seen.Count > MostContinuations)
                throw Hdf5Damage.Of(file.Path, "an object header leads back to itself");
            Hdf5Cursor at = file.Piece(piece.At, piece.Bytes, "an object header");
            if (piece.IsContinuation && !isFirst)
            {
                if (!at.Bytes(4).SequenceEqual("OCHK"u8) || at.Left < 4)
                    throw at.Damaged("its continuation does not begin as one");
                at = at.Piece((ulong)at.Left - 4, "an object header"); // a checksum ends it
            }
            Messages(at, isFirst ? 8 : 4 + order, isFirst, array, pieces);
        }
        array.Check();
        return array.ChunkAxes;
    }

    /// <summary>An attribute, or a link, that stands in a heap.</summary>
    public void CheckInHeap(long address)
    {
        const long Window = 1 << 17; // names, types and extents: 64 KB each at most; the numbers may go on
        long left = file.Length - address;
        Hdf5Cursor at = file.Piece(address, (ulong)Math.Min(left, Window), "an attribute or link in a heap");
        if (file.Piece(address, 1, "an attribute").Number(1) == 1)
            CheckLink(at);
        else
            CheckAttribute(at, (ulong)left);
    }

    // Returns the bytes of the creation order in each message.
    private int SecondVersion(long address, Queue<(long, ulong, bool)> pieces)
    {
        Hdf5Cursor head = file.Piece(address, (ulong)Math.Min(64, file.Length - address), "an object header");
        if (!head.Bytes(4).SequenceEqual("OHDR"u8) || head.Number(1) != 2)
            throw head.Damaged("it does not begin as one");
        ulong flags = head.Number(1);
        int before = head.Left;
        head.Bytes(((flags & 0x20) != 0 ? 16UL : 0) + ((flags & 0x10) != 0 ? 4UL : 0));
        ulong bytes = head.Number(1 << (int)(flags & 3));
        pieces.Enqueue((address + 6 + before - head.Left, bytes, false));
        return (flags & 4) != 0 ? 2 : 0;
    }

    private void Messages(Hdf5Cursor at, int prefix, bool isFirst, Hdf5ArrayCheck array, Queue<(long, ulong, bool)> pieces)
    {
        while (at.Left > (isFirst ? 0 : prefix)) // version 2 may end in a gap that is too small for a message
        {
            int type = (int)at.Number(isFirst ? 2 : 1);
            ulong bytes = at.Number(2), flags = at.Number(1);
            at.Bytes((ulong)(isFirst ? 3 : prefix - 4));
            Hdf5Cursor message = at.Piece(bytes, $"message {type} of an object header");
            if ((flags & Shared) != 0)
                throw Hdf5Damage.Unread(file.Path, "an array or attribute has a type that is stored by itself");
            switch (type)
            {
                case ExternalFiles: throw Hdf5Damage.Unread(file.Path, "an array lies in another file");
                case Link: CheckLink(message); break;
                case Attribute: CheckAttribute(message, bytes); break;
                case Continuation: pieces.Enqueue(((long)message.Number(file.OffsetBytes), message.Number(file.LengthBytes), true)); break;
                default: array.Take(type, message); break;
            }
        }
    }

    private void CheckLink(Hdf5Cursor at)
    {
        if (at.Number(1) != 1)
            throw at.Damaged("a link is of another version than 1");
        ulong flags = at.Number(1), kind = (flags & 8) != 0 ? at.Number(1) : 0;
        at.Bytes(((flags & 4) != 0 ? 8UL : 0) + ((flags & 16) != 0 ? 1UL : 0));
        at.Bytes(at.Number(1 << (int)(flags & 3)));
        if (kind != 0) // PureHDF follows paths that lead to each other until the stack is full
            throw Hdf5Damage.Unread(file.Path, kind == 1 ? "a link leads to an object by its path" : "a link leads into another file");
    }

    /// <param name="at">The attribute.</param>
    /// <param name="all">Bytes from its beginning that its numbers must be within.</param>
    private void CheckAttribute(Hdf5Cursor at, ulong all)
    {
        int window = at.Left;
        ulong version = at.Number(1), flags = at.Number(1);
        ulong name = at.Number(2), type = at.Number(2), space = at.Number(2);
        if (version is < 1 or > 3)
            throw at.Damaged($"an attribute is of version {version}");
        if (version > 1 && flags != 0)
            throw Hdf5Damage.Unread(file.Path, "an attribute has a type that is stored by itself");
        at.Bytes(version == 3 ? 1UL : 0);
        ulong Padded(ulong bytes) => version == 1 ? (bytes + 7) / 8 * 8 : bytes;
        at.Bytes(Padded(name));
        Hdf5Cursor typePiece = at.Piece(Padded(type), "the type of an attribute");
        ulong size = Hdf5TypeCheck.Size(ref typePiece);
        UInt128 count = new Hdf5ArrayCheck(file.Path, file.Length, file.OffsetBytes, file.LengthBytes).Dataspace(at.Piece(Padded(space), "the extents of an attribute"));
        ulong left = all - (ulong)(window - at.Left);
        if (count * size > left)
            throw at.Damaged($"an attribute has {count} elements of {size} bytes, and {left} bytes are left");
    }
}
