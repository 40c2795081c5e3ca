using System.Buffers.Binary;
using System.Text;

namespace Graft.Importers.PyTorch;

/// <summary>
/// A zip archive whose entries lie in it as they are: its central directory says where, so that they can be mapped. Large archives
/// (zip64), which torch.save writes, are read; compressed or encrypted entries are refused when they are asked for.
/// </summary>
/// <remarks>PKWARE, APPNOTE.TXT 6.3: sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (its end), 4.5.3 (zip64).</remarks>
internal sealed class StoredZip
{
    private const uint LocalHeader = 0x04034B50, CentralHeader = 0x02014B50, End = 0x06054B50, End64 = 0x06064B50, Locator64 = 0x07064B50;
    private const int EndBytes = 22, LocatorBytes = 20, End64Bytes = 56, CentralBytes = 46, LocalBytes = 30, LongestComment = ushort.MaxValue;
    private const ushort Extra64 = 1, Encrypted = 1;

    private readonly string _path;
    private readonly Dictionary<string, Entry> _entries = [];

    private sealed record Entry(long Header, long Size, long StoredSize, ushort Method, ushort Flags);

    private StoredZip(string path) => _path = path;

    /// <summary>Names of all entries.</summary>
    public IReadOnlyCollection<string> Names => _entries.Keys;

    /// <summary>Reads the central directory.</summary>
    /// <exception cref="GraftException">There is none, or it is not true to the file.</exception>
    public static StoredZip Open(string path)
    {
        var zip = new StoredZip(path);
        using FileStream stream = File.OpenRead(path);
        (long start, long bytes) = zip.FindDirectory(stream);
        var directory = new byte[bytes];
        zip.ReadAt(stream, start, directory);
        for (int at = 0; at + CentralBytes <= directory.Length;)
            at += zip.AddEntry(directory.AsSpan(at));
        return zip;
    }

    /// <summary>Where the bytes of an entry are.</summary>
    /// <exception cref="GraftException">There is no such entry, or it is compressed, encrypted or beyond the end.</exception>
    public (long Offset, long Bytes) Find(string name)
    {
        if (!_entries.TryGetValue(name, out Entry? entry))
            throw new GraftException($"{_path}: has no '{name}' inside, which its pickle refers to; the file is damaged.");
        if (entry.Method != 0 || (entry.Flags & Encrypted) != 0 || entry.Size != entry.StoredSize)
            throw new GraftException($"{_path}: '{name}' inside is {((entry.Flags & Encrypted) != 0 ? "encrypted" : "compressed")}; torch.save stores its entries as they are. Save the state_dict again, or unpack and store it without compression (zip -0).");
        using FileStream stream = File.OpenRead(_path);
        var head = new byte[LocalBytes];
        ReadAt(stream, entry.Header, head);
        if (BinaryPrimitives.ReadUInt32LittleEndian(head) != LocalHeader)
            throw Damaged($"'{name}' does not begin at byte {entry.Header}, where its directory says");
        long start = entry.Header + LocalBytes + UInt16(head, 26) + UInt16(head, 28);
        return start + entry.Size <= stream.Length ? (start, entry.Size) : throw Damaged($"'{name}' ends at byte {start + entry.Size}, the file at {stream.Length}");
    }

    /// <summary>The bytes of a small entry.</summary>
    public byte[] Read(string name)
    {
        (long offset, long count) = Find(name);
        var bytes = new byte[count];
        using FileStream stream = File.OpenRead(_path);
        ReadAt(stream, offset, bytes);
        return bytes;
    }

    private (long Start, long Bytes) FindDirectory(FileStream stream)
    {
        var tail = new byte[Math.Min(stream.Length, EndBytes + LongestComment)];
        long tailStart = stream.Length - tail.Length;
        ReadAt(stream, tailStart, tail);
        int at = tail.Length - EndBytes;
        while (at >= 0 && BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at)) != End)
            at--;
        if (at < 0)
            throw Damaged("it has no directory at its end");
        long bytes = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at + 12)), start = BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(at + 16));
        int locator = at - LocatorBytes;
        if (locator >= 0 && BinaryPrimitives.ReadUInt32LittleEndian(tail.AsSpan(locator)) == Locator64)
        {
            var end = new byte[End64Bytes];
            ReadAt(stream, BinaryPrimitives.ReadInt64LittleEndian(tail.AsSpan(locator + 8)), end);
            if (BinaryPrimitives.ReadUInt32LittleEndian(end) != End64)
                throw Damaged("its directory of large files is not where it says");
            (bytes, start) = (BinaryPrimitives.ReadInt64LittleEndian(end.AsSpan(40)), BinaryPrimitives.ReadInt64LittleEndian(end.AsSpan(48)));
        }
        return start >= 0 && bytes >= 0 && bytes <= stream.Length - start && bytes <= int.MaxValue ? (start, bytes)
            : throw Damaged($"its directory of {bytes} bytes at {start} is not within the file of {stream.Length}");
    }

    // Returns the bytes that the entry takes in the directory.
    private int AddEntry(ReadOnlySpan<byte> head)
    {
        int nameBytes = UInt16(head, 28), extraBytes = UInt16(head, 30), all = CentralBytes + nameBytes + extraBytes + UInt16(head, 32);
        if (BinaryPrimitives.ReadUInt32LittleEndian(head) != CentralHeader || all > head.Length)
            throw Damaged("its directory cannot be read");
        long stored = UInt32(head, 20), size = UInt32(head, 24), header = UInt32(head, 42);
        ReadOnlySpan<byte> extra = head.Slice(CentralBytes + nameBytes, extraBytes);
        while (extra.Length >= 4 && UInt16(extra, 2) + 4 <= extra.Length)
        {
            ReadOnlySpan<byte> field = extra.Slice(4, UInt16(extra, 2));
            if (UInt16(extra, 0) == Extra64)
            {
                size = Large(size, ref field);
                stored = Large(stored, ref field);
                header = Large(header, ref field);
            }
            extra = extra[(4 + UInt16(extra, 2))..];
        }
        if (size < 0 || stored < 0 || header < 0)
            throw Damaged("its directory has sizes below 0");
        string name = Encoding.UTF8.GetString(head.Slice(CentralBytes, nameBytes));
        return _entries.TryAdd(name, new Entry(header, size, stored, UInt16(head, 10), UInt16(head, 8))) ? all
            : throw Damaged($"it has '{name}' twice, and which of them is meant cannot be told");
    }

    // A number of all ones stands in the zip64 field instead, if there.
    private long Large(long value, ref ReadOnlySpan<byte> field)
    {
        if (value != uint.MaxValue)
            return value;
        if (field.Length < sizeof(long))
            throw Damaged("its directory lacks the size of a large entry");
        long large = BinaryPrimitives.ReadInt64LittleEndian(field);
        field = field[sizeof(long)..];
        return large;
    }

    private void ReadAt(FileStream stream, long at, byte[] bytes)
    {
        if (at < 0 || at > stream.Length - bytes.Length)
            throw Damaged($"{bytes.Length} bytes are due at {at}, it has {stream.Length}");
        stream.Position = at;
        stream.ReadExactly(bytes);
    }

    private static ushort UInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint UInt32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private GraftException Damaged(string what) => new($"{_path}: begins like a zip but cannot be read as one ({what}); the file is damaged or truncated. Use another copy.");
}
