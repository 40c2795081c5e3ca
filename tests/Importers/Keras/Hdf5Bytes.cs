using System.Text;

namespace Graft.Tests.Importers.Keras;

/// <summary>Builds HDF5 byte by byte, so that any part of it can be untrue (HDF5 file format 3.0).</summary>
internal sealed class Hdf5Bytes
{
    /// <summary>An address that leads nowhere.</summary>
    public const ulong Undefined = ulong.MaxValue;

    /// <summary>Bytes of the superblock: what is added first stands there.</summary>
    public const int SuperblockBytes = 48;

    private readonly List<byte> _bytes = [.. new byte[SuperblockBytes]];

    /// <summary>Where what is added next will be.</summary>
    public ulong Next => (ulong)_bytes.Count;

    /// <summary>The type float32, little-endian.</summary>
    public static byte[] Float32 => [0x11, 0x20, 0x1F, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0];

    /// <summary>A dataspace of these extents.</summary>
    public static byte[] Space(params ulong[] dims) => [2, (byte)dims.Length, 0, (byte)(dims.Length == 0 ? 0 : 1), .. dims.SelectMany(BitConverter.GetBytes)];

    /// <summary>A layout in one piece.</summary>
    public static byte[] Contiguous(ulong address, ulong bytes) => [3, 1, .. BitConverter.GetBytes(address), .. BitConverter.GetBytes(bytes)];

    /// <summary>A layout in chunks that a tree leads to.</summary>
    public static byte[] Chunked(ulong tree, params uint[] chunk) => [3, 2, (byte)(chunk.Length + 1), .. BitConverter.GetBytes(tree), .. chunk.Append(4u).SelectMany(BitConverter.GetBytes)];

    /// <summary>Says that links stand in the header.</summary>
    public static (int, byte[]) LinksHere => (0x02, [0, 0, .. BitConverter.GetBytes(Undefined), .. BitConverter.GetBytes(Undefined)]);

    /// <summary>A link to an object.</summary>
    public static (int, byte[]) Link(string name, ulong address) => (0x06, [1, 0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), .. BitConverter.GetBytes(address)]);

    /// <summary>A link by a path.</summary>
    public static (int, byte[]) SoftLink(string name, string target) => (0x06, [1, 8, 1, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)target.Length, 0, .. Encoding.ASCII.GetBytes(target)]);

    /// <summary>An attribute of a type and extents, with these bytes.</summary>
    public static (int, byte[]) Attribute(string name, byte[] type, byte[] space, byte[] data) =>
        (0x0C, [3, 0, (byte)(name.Length + 1), 0, (byte)type.Length, (byte)(type.Length >> 8), (byte)space.Length, 0, 0, .. Encoding.ASCII.GetBytes(name), 0, .. type, .. space, .. data]);

    /// <summary>The message that the group is of the older kind.</summary>
    public static (int, byte[]) SymbolTable(ulong tree, ulong heap) => (0x11, [.. BitConverter.GetBytes(tree), .. BitConverter.GetBytes(heap)]);

    /// <summary>Adds bytes; returns where they are.</summary>
    public ulong Add(params byte[] bytes)
    {
        ulong at = Next;
        _bytes.AddRange(bytes);
        return at;
    }

    /// <summary>Adds an object header of the second version.</summary>
    public ulong Header(params (int Type, byte[] Bytes)[] messages)
    {
        byte[] all = [.. messages.SelectMany(m => (byte[])[(byte)m.Type, (byte)m.Bytes.Length, (byte)(m.Bytes.Length >> 8), 0, .. m.Bytes])];
        return Add([.. "OHDR"u8, 2, 2, .. BitConverter.GetBytes(all.Length), .. all, 0, 0, 0, 0]);
    }

    /// <summary>Adds an array of float32: its header.</summary>
    public ulong Array(byte[] space, byte[] layout, params (int, byte[])[] others) => Header([(0x01, space), (0x03, Float32), .. others, (0x08, layout)]);

    /// <summary>The file with this object as its root.</summary>
    public byte[] File(ulong root)
    {
        byte[] superblock = [0x89, .. "HDF\r\n"u8, 0x1A, (byte)'\n', 2, 8, 8, 0, .. BitConverter.GetBytes(0UL), .. BitConverter.GetBytes(Undefined), .. BitConverter.GetBytes((ulong)Math.Max(_bytes.Count, 64)), .. BitConverter.GetBytes(root), 0, 0, 0, 0];
        byte[] file = [.. superblock, .. _bytes[SuperblockBytes..]];
        return file.Length >= 64 ? file : [.. file, .. new byte[64 - file.Length]];
    }
}
