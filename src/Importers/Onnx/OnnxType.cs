namespace Graft.Importers.Onnx;

/// <summary>TensorProto.DataType of the ONNX specification.</summary>
internal enum OnnxType
{
    Undefined = 0,
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    UInt16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    Text = 8,
    Bool = 9,
    Half = 10,
    Double = 11,
    UInt32 = 12,
    UInt64 = 13,
    Complex64 = 14,
    Complex128 = 15,
    BFloat16 = 16,
    Float8E4M3FN = 17,
    Float8E4M3FNUZ = 18,
    Float8E5M2 = 19,
    Float8E5M2FNUZ = 20,
}

/// <summary>Names and sizes of these types.</summary>
internal static class OnnxTypes
{
    // With the bytes of one number; texts have none of their own.
    private static readonly (string Name, int Bytes)[] Known =
    [
        ("undefined", 0), ("float32", 4), ("uint8", 1), ("int8", 1), ("uint16", 2), ("int16", 2), ("int32", 4), ("int64", 8), ("string", 0), ("bool", 1), ("float16", 2),
        ("float64", 8), ("uint32", 4), ("uint64", 8), ("complex64", 8), ("complex128", 16), ("bfloat16", 2), ("float8_e4m3fn", 1), ("float8_e4m3fnuz", 1), ("float8_e5m2", 1), ("float8_e5m2fnuz", 1),
    ];

    /// <summary>"float32".</summary>
    public static string NameOf(OnnxType type) => IsKnown(type) ? Known[(int)type].Name : $"type {(int)type}";

    /// <summary>Bytes of one number; 0 where it is not known.</summary>
    public static int BytesOf(OnnxType type) => IsKnown(type) ? Known[(int)type].Bytes : 0;

    private static bool IsKnown(OnnxType type) => type >= 0 && (int)type < Known.Length;
}
