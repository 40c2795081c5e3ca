namespace Graft.Importers.Keras.Structure;

/// <summary>What an object header says of an array, checked against the file before the library makes room for it.</summary>
/// <remarks>HDF5 file format 3.0, IV.A.2.b (dataspace), e and f (fill value), i (layout), l (filters).</remarks>
/// <param name="path">The file, for errors.</param>
/// <param name="fileBytes">The file's length.</param>
/// <param name="offsetBytes">Bytes of an address.</param>
/// <param name="lengthBytes">Bytes of a length.</param>
internal sealed class Hdf5ArrayCheck(string path, long fileBytes, int offsetBytes, int lengthBytes)
{
    private const int DeepestRank = 32; // H5S_MAX_RANK
    private const ulong DeflateRatio = 1032; // the most that deflate gains (zlib's technical details)
    private const ulong ResizableChunk = 1 << 20; // h5py's chunks of an array that may grow have up to 1 MiB, however little is in it

    private const ulong Deflate = 1, Shuffle = 2, Fletcher32 = 3;

    private UInt128? _count;
    private ulong? _typeBytes, _fillBytes;
    private bool _isFiltered, _hasShuffle;
    private ulong _shuffled;
    private Layout? _layout;

    private enum Kind
    {
        Compact,
        Contiguous,
        Chunked,
    }

    private sealed record Layout(Kind Kind, ulong Address, ulong Bytes, ulong[] Chunk, bool IsFixedArray = false);

    /// <summary>Axes of a chunk with that of the bytes of an element; 0 where the array is not in chunks of a B-tree.</summary>
    public int ChunkAxes { get; private set; }

    /// <summary>Number of elements of a dataspace.</summary>
    public UInt128 Dataspace(Hdf5Cursor at)
    {
        ulong version = at.Number(1), rank = at.Number(1);
        if (version is < 1 or > 2 || rank > DeepestRank)
            throw at.Damaged($"it has version {version} and {rank} axes");
        at.Bytes(version == 1 ? 6UL : 2UL);
        UInt128 count = 1;
        for (ulong i = 0; i < rank; i++)
        {
            ulong extent = at.Number(lengthBytes);
            count = UInt128.Min(count * extent, ulong.MaxValue);
            if (extent > int.MaxValue)
                throw at.Damaged($"an axis has an extent of {extent}");
        }
        return count;
    }

    /// <summary>Takes what a message of the header says; other messages are passed over.</summary>
    public void Take(int message, Hdf5Cursor at)
    {
        switch (message)
        {
            case 0x01: _count = Dataspace(at); break;
            case 0x03: _typeBytes = Hdf5TypeCheck.Size(ref at); break;
            case 0x04: _fillBytes = Sized(ref at); break;
            case 0x05: FillValue(ref at); break;
            case 0x08: _layout = ReadLayout(ref at); break;
            case 0x0B: Filters(ref at); break;
        }
    }

    /// <summary>Checks the array as a whole, once all messages are known.</summary>
    public void Check()
    {
        if (_layout is not { } layout || _count is not { } count || _typeBytes is not { } typeBytes)
            return; // a group, or what the library refuses
        if (typeBytes == 0 || (_fillBytes is > 0 && _fillBytes != typeBytes))
            throw Hdf5Damage.Of(path, $"an array has elements of {typeBytes} bytes and a fill value of {_fillBytes ?? 0}");
        UInt128 bytes = count * typeBytes;
        switch (layout.Kind)
        {
            case Kind.Compact when bytes > layout.Bytes:
                throw TooLarge(bytes, $"{layout.Bytes} are in its header");
            case Kind.Contiguous when IsUndefined(layout.Address) ? bytes > (ulong)fileBytes : layout.Address > (ulong)fileBytes || bytes > (ulong)fileBytes - layout.Address:
                throw TooLarge(bytes, $"the file has {fileBytes}, and it begins at byte {layout.Address}");
            case Kind.Chunked:
                if (layout.IsFixedArray && _isFiltered)
                    throw Hdf5Damage.Unread(path, "a packed array is stored as libver='latest' does");
                CheckChunks(layout.Chunk, bytes, typeBytes);
                break;
        }
    }

    private void CheckChunks(ulong[] chunk, UInt128 bytes, ulong typeBytes)
    {
        UInt128 chunkBytes = typeBytes, most = (UInt128)(ulong)fileBytes * (_isFiltered ? DeflateRatio : 1);
        foreach (ulong extent in chunk)
            chunkBytes = UInt128.Min(chunkBytes * extent, ulong.MaxValue);
        if (chunkBytes == 0 || chunkBytes > UInt128.Max(most, ResizableChunk) || chunkBytes > int.MaxValue)
            throw TooLarge(chunkBytes, $"a chunk of it cannot be in a file of {fileBytes}");
        if (bytes > most || bytes / chunkBytes > (ulong)fileBytes) // each chunk has an entry in the file
            throw TooLarge(bytes, $"they cannot be in a file of {fileBytes}");
        if (_hasShuffle && _shuffled != typeBytes)
            throw Hdf5Damage.Of(path, $"an array of elements of {typeBytes} bytes is shuffled by {_shuffled}");
    }

    private GraftException TooLarge(UInt128 bytes, string against) => Hdf5Damage.Of(path, $"an array has {bytes} bytes, and {against}");

    private bool IsUndefined(ulong address) => address == ulong.MaxValue >> (64 - 8 * offsetBytes);

    private static ulong Sized(ref Hdf5Cursor at)
    {
        ulong size = at.Number(4);
        at.Bytes(size);
        return size;
    }

    private void FillValue(ref Hdf5Cursor at)
    {
        ulong version = at.Number(1);
        bool defined = version == 3 ? (at.Number(1) & 0x30) == 0x20 : at.Number(3) >> 16 == 1;
        if (defined)
            _fillBytes = Sized(ref at);
    }

    private void Filters(ref Hdf5Cursor at)
    {
        ulong version = at.Number(1), count = at.Number(1);
        at.Bytes(version == 1 ? 6UL : 0);
        for (ulong i = 0; i < count; i++)
        {
            ulong id = at.Number(2), name = version == 1 || id >= 256 ? at.Number(2) : 0;
            if (id is not (Deflate or Shuffle or Fletcher32))
                throw Hdf5Damage.Unread(path, $"an array is packed by filter {id}");
            at.Bytes(2);
            ulong values = at.Number(2);
            at.Bytes(name);
            if (id == Shuffle)
                (_hasShuffle, _shuffled) = (true, values > 0 ? at.Number(4) : throw at.Damaged("a shuffle has no size"));
            at.Bytes(4 * (values - (id == Shuffle ? 1UL : 0)) + (version == 1 ? 4 * (values % 2) : 0));
            _isFiltered = true;
        }
    }

    private Layout ReadLayout(ref Hdf5Cursor at)
    {
        ulong version = at.Number(1);
        return version switch
        {
            1 or 2 => ReadOldLayout(ref at),
            3 or 4 => at.Number(1) switch
            {
                0 => new Layout(Kind.Compact, 0, Compact(ref at, at.Number(2)), []),
                1 => new Layout(Kind.Contiguous, at.Number(offsetBytes), at.Number(lengthBytes), []),
                2 when version == 3 => ReadChunked(ref at),
                2 => ReadIndexed(ref at),
                3 => throw Hdf5Damage.Unread(path, "an array is a view of arrays in other files"),
                var kind => throw at.Damaged($"there is no layout {kind}"),
            },
            _ => throw at.Damaged($"its layout has version {version}"),
        };
    }

    private Layout ReadOldLayout(ref Hdf5Cursor at)
    {
        int rank = (int)at.Number(1);
        ulong kind = at.Number(1);
        at.Bytes(5);
        ulong address = kind == 0 ? 0 : at.Number(offsetBytes);
        ulong[] dims = Extents(ref at, rank, 4);
        if (kind == 2)
            ChunkAxes = rank;
        return kind switch
        {
            0 => new Layout(Kind.Compact, 0, Compact(ref at, at.Number(4)), []),
            1 => new Layout(Kind.Contiguous, address, 0, []),
            2 when rank > 0 => new Layout(Kind.Chunked, address, 0, dims[..^1]),
            _ => throw at.Damaged($"there is no layout {kind} of {rank} axes"),
        };
    }

    private Layout ReadChunked(ref Hdf5Cursor at)
    {
        ChunkAxes = (int)at.Number(1);
        ulong address = at.Number(offsetBytes);
        if (ChunkAxes is 0 or > DeepestRank + 1)
            throw at.Damaged($"a chunk has {ChunkAxes} axes");
        return new Layout(Kind.Chunked, address, 0, Extents(ref at, ChunkAxes, 4)[..^1]);
    }

    // Version 4: the chunk's last axis is the bytes of an element here, too. Index 1: one chunk; 2: none; 3: fixed array.
    private Layout ReadIndexed(ref Hdf5Cursor at)
    {
        const ulong FilteredSingle = 2;
        ulong flags = at.Number(1), rank = at.Number(1), width = at.Number(1);
        if (rank is 0 or > DeepestRank + 1 || width is 0 or > sizeof(ulong))
            throw at.Damaged($"a chunk has {rank} axes of {width} bytes");
        ulong[] chunk = Extents(ref at, (int)rank, (int)width);
        ulong index = at.Number(1);
        if (index > 3)
            throw Hdf5Damage.Unread(path, "an array that may grow is stored as libver='latest' does");
        if (index == 1 && (flags & FilteredSingle) != 0 && at.Number(lengthBytes) > (ulong)fileBytes)
            throw at.Damaged("a chunk is larger than the file");
        return new Layout(Kind.Chunked, 0, 0, chunk[..^1], IsFixedArray: index == 3);
    }

    private static ulong Compact(ref Hdf5Cursor at, ulong bytes)
    {
        at.Bytes(bytes);
        return bytes;
    }

    private static ulong[] Extents(ref Hdf5Cursor at, int rank, int size)
    {
        var extents = new ulong[rank];
        for (int i = 0; i < rank; i++)
            extents[i] = at.Number(size);
        return extents;
    }
}
