namespace Graft.Importers.Hdf5;

/// <summary>A type of numbers or texts as a datatype message has it, version 1.</summary>
/// <remarks>HDF5 file format specification 3.0, IV.A.2.d.</remarks>
internal sealed class Hdf5Type
{
    private const byte Version = 0x10, FixedPoint = 0, FloatingPoint = 1, Text = 3, VariableLength = 9;
    private const byte NullPadded = 1, IsText = 1, Signed = 8, LeadingBitImplied = 0x20;
    private const int ReferenceBytes = 16; // of a text in the global heap: length, collection, index

    private Hdf5Type(int size, byte[] message, bool isVariable = false) => (Size, Message, IsVariable) = (size, message, isVariable);

    /// <summary>IEEE 754 single, little-endian.</summary>
    public static Hdf5Type Float32 { get; } = Float(4, exponentAt: 23, exponentBits: 8, bias: 127);

    /// <summary>IEEE 754 double, little-endian.</summary>
    public static Hdf5Type Float64 { get; } = Float(8, exponentAt: 52, exponentBits: 11, bias: 1023);

    /// <summary>Signed whole numbers of 32 bits, little-endian.</summary>
    public static Hdf5Type Int32 { get; } = Integer(4, Signed);

    /// <summary>Signed whole numbers of 64 bits, little-endian.</summary>
    public static Hdf5Type Int64 { get; } = Integer(8, Signed);

    /// <summary>ASCII of any length, in the global heap: what h5py makes of Python's bytes, and of a list of str.</summary>
    public static Hdf5Type AsciiText { get; } = VariableText(isUtf8: false);

    /// <summary>UTF-8 of any length, in the global heap: what h5py makes of a str.</summary>
    public static Hdf5Type Utf8Text { get; } = VariableText(isUtf8: true);

    /// <summary>Bytes of an element.</summary>
    public int Size { get; }

    /// <summary>The message without its header.</summary>
    public byte[] Message { get; }

    /// <summary>True for texts in the global heap.</summary>
    public bool IsVariable { get; }

    /// <summary>ASCII of a fixed length, padded with zeros: what h5py makes of numpy's array of bytes.</summary>
    public static Hdf5Type PaddedText(int length) => new(length, Head(Text, NullPadded, 0, length).ToArray());

    private static Hdf5Type Float(int size, int exponentAt, int exponentBits, int bias)
    {
        Hdf5Bytes m = Head(FloatingPoint, LeadingBitImplied, (byte)(size * 8 - 1), size);
        m.UInt16(0).UInt16(size * 8).Byte(exponentAt).Byte(exponentBits).Byte(0).Byte(exponentAt).UInt32(bias);
        return new Hdf5Type(size, m.ToArray());
    }

    private static Hdf5Type Integer(int size, byte sign) => new(size, Head(FixedPoint, sign, 0, size).UInt16(0).UInt16(size * 8).ToArray());

    // The base is an unsigned byte, as the HDF5 library writes it.
    private static Hdf5Type VariableText(bool isUtf8) =>
        new(ReferenceBytes, Head(VariableLength, IsText, isUtf8 ? (byte)1 : (byte)0, ReferenceBytes).Bytes(Integer(1, 0).Message).ToArray(), isVariable: true);

    private static Hdf5Bytes Head(byte kind, byte bits0, byte bits1, int size) => new Hdf5Bytes().Byte(Version | kind).Byte(bits0).Byte(bits1).Byte(0).UInt32(size);
}
