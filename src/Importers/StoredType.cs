namespace Graft.Importers;

/// <summary>How the numbers of an array are stored, little-endian.</summary>
public enum StoredType
{
    /// <summary>64-bit floating point.</summary>
    Float64,

    /// <summary>32-bit floating point.</summary>
    Float32,

    /// <summary>16-bit floating point of IEEE 754.</summary>
    Float16,

    /// <summary>The upper half of a float32.</summary>
    BFloat16,

    /// <summary>Signed, 64 bits.</summary>
    Int64,

    /// <summary>Signed, 32 bits.</summary>
    Int32,

    /// <summary>Signed, 16 bits.</summary>
    Int16,

    /// <summary>Signed, 8 bits.</summary>
    Int8,

    /// <summary>Unsigned, 8 bits.</summary>
    UInt8,

    /// <summary>One byte, 0 or 1.</summary>
    Bool,
}

/// <summary>What follows from a stored type.</summary>
public static class StoredTypes
{
    /// <summary>Bytes of an element.</summary>
    public static int Size(this StoredType type) => type switch
    {
        StoredType.Float64 or StoredType.Int64 => 8,
        StoredType.Float32 or StoredType.Int32 => 4,
        StoredType.Float16 or StoredType.BFloat16 or StoredType.Int16 => 2,
        _ => 1,
    };

    /// <summary>True for floating point: what weights are.</summary>
    public static bool IsFloat(this StoredType type) => type is StoredType.Float64 or StoredType.Float32 or StoredType.Float16 or StoredType.BFloat16;

    /// <summary>"float32", "bfloat16", "int64", "bool": PyTorch's and NumPy's words.</summary>
    public static string Name(this StoredType type) => type.ToString().ToLowerInvariant();
}
