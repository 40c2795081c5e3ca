using System.Buffers.Binary;

namespace Graft.Importers.Hdf5;

/// <summary>Bytes of a structure in an HDF5 file, little-endian, one field behind the other.</summary>
internal sealed class Hdf5Bytes
{
    private const int Alignment = 8;

    private readonly List<byte> _bytes = [];

    /// <summary>How many there are.</summary>
    public int Count => _bytes.Count;

    /// <summary>A length brought up to a multiple of 8.</summary>
    public static long Aligned(long length) => (length + Alignment - 1) / Alignment * Alignment;

    /// <summary>Adds one byte.</summary>
    public Hdf5Bytes Byte(int value)
    {
        _bytes.Add(checked((byte)value));
        return this;
    }

    /// <summary>Adds two bytes.</summary>
    public Hdf5Bytes UInt16(int value) => Integer(checked((ushort)value), sizeof(ushort));

    /// <summary>Adds four bytes.</summary>
    public Hdf5Bytes UInt32(long value) => Integer(checked((uint)value), sizeof(uint));

    /// <summary>Adds eight bytes: an address or a length; -1 is the undefined address.</summary>
    public Hdf5Bytes Int64(long value) => Integer(value, sizeof(long));

    /// <summary>Adds bytes as they are.</summary>
    public Hdf5Bytes Bytes(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    /// <summary>Adds zeros up to a length.</summary>
    public Hdf5Bytes PadTo(long length)
    {
        while (_bytes.Count < length)
            _bytes.Add(0);
        return this;
    }

    /// <summary>Adds zeros up to a multiple of 8.</summary>
    public Hdf5Bytes Align() => PadTo(Aligned(_bytes.Count));

    /// <summary>All bytes.</summary>
    public byte[] ToArray() => [.. _bytes];

    private Hdf5Bytes Integer(long value, int size)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        _bytes.AddRange(bytes[..size]);
        return this;
    }
}
