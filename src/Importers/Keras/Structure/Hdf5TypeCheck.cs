namespace Graft.Importers.Keras.Structure;

/// <summary>Datatype messages: walked for their size, so that nothing within them can ask for more than the message holds.</summary>
/// <remarks>HDF5 file format 3.0, IV.A.2.d.</remarks>
internal static class Hdf5TypeCheck
{
    private const int DeepestType = 16;
    private const int Padding = 8; // names in types of version 1 and 2

    /// <summary>Walks a type and returns the bytes of one element.</summary>
    /// <exception cref="GraftException">It is nested too deep, unknown, or ends too early.</exception>
    public static ulong Size(ref Hdf5Cursor at, int depth = 0)
    {
        if (depth > DeepestType)
            throw at.Damaged($"types are nested more than {DeepestType} deep");
        ulong head = at.Number(1), bits = at.Number(3), size = at.Number(4);
        int version = (int)(head >> 4), members = (int)(bits & 0xFFFF);
        switch (head & 0x0F)
        {
            case 0 or 4: at.Bytes(4); break; // whole numbers, bit fields
            case 1: at.Bytes(12); break; // floating point
            case 2: at.Bytes(2); break; // times
            case 3 or 7: break; // texts, references
            case 5: at.Bytes(bits & 0xFF); break; // opaque
            case 6:
                for (int i = 0; i < members; i++)
                    Member(ref at, version, size, depth);
                break;
            case 8: Enumeration(ref at, version, members, size, depth); break;
            case 9: Size(ref at, depth + 1); break; // of any length
            case 10: Array(ref at, version, depth); break;
            default: throw at.Damaged($"there is no type of class {head & 0x0F}");
        }
        return size;
    }

    private static void Member(ref Hdf5Cursor at, int version, ulong size, int depth)
    {
        at.Text(version < 3 ? Padding : 1);
        at.Bytes(version switch { 1 => 4 + 1 + 3 + 4 + 4 + 16, 2 => 4, _ => (ulong)OffsetBytes(size) });
        Size(ref at, depth + 1);
    }

    private static void Enumeration(ref Hdf5Cursor at, int version, int members, ulong size, int depth)
    {
        Size(ref at, depth + 1);
        for (int i = 0; i < members; i++)
            at.Text(version < 3 ? Padding : 1);
        if (size > sizeof(ulong))
            throw at.Damaged($"an enumeration has values of {size} bytes");
        at.Bytes((ulong)members * size);
    }

    private static void Array(ref Hdf5Cursor at, int version, int depth)
    {
        ulong rank = at.Number(1);
        at.Bytes(version < 3 ? 3 + 8 * rank : 4 * rank); // extents, and before version 3 their permutation
        Size(ref at, depth + 1);
    }

    // Bytes that hold any offset within a compound of this size.
    private static int OffsetBytes(ulong size) => size < 1UL << 8 ? 1 : size < 1UL << 16 ? 2 : size < 1UL << 24 ? 3 : 4;
}
