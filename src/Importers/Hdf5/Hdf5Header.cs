namespace Graft.Importers.Hdf5;

/// <summary>An object header, version 1: what a group or an array is, in messages.</summary>
/// <remarks>HDF5 file format specification 3.0, IV.A.1.a.</remarks>
internal static class Hdf5Header
{
    /// <summary>Types of messages.</summary>
    public const int Space = 0x01, Type = 0x03, FillValue = 0x05, Layout = 0x08, Attribute = 0x0C, SymbolTable = 0x11;

    private const int PrefixBytes = 16, LargestMessage = ushort.MaxValue - 7;

    /// <summary>The header with its messages, in order.</summary>
    /// <exception cref="GraftException">A message is larger than the format allows.</exception>
    public static byte[] Of(IReadOnlyList<(int Kind, byte[] Content)> messages)
    {
        var body = new Hdf5Bytes();
        foreach ((int kind, byte[] content) in messages)
        {
            if (content.Length > LargestMessage)
                throw new GraftException($"a message of {content.Length} bytes does not fit into an HDF5 object header, which takes {LargestMessage}. Give layers shorter names.");
            body.UInt16(kind).UInt16((int)Hdf5Bytes.Aligned(content.Length)).Byte(0).PadTo(body.Count + 3).Bytes(content).Align();
        }
        return new Hdf5Bytes().Byte(1).Byte(0).UInt16(messages.Count).UInt32(1).UInt32(body.Count).PadTo(PrefixBytes).Bytes(body.ToArray()).ToArray();
    }
}
