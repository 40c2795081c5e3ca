using Graft.Kernels;

namespace Graft;

/// <summary>Element type of a tensor. Computation is in float32; int32 holds indices and token ids, 16 bits what a training step in mixed precision passes from layer to layer.</summary>
public enum DType
{
    /// <summary>IEEE single precision.</summary>
    Float32,

    /// <summary>Signed 32-bit integer.</summary>
    Int32,

    /// <summary>The upper half of a float32: 8 bits of precision.</summary>
    BFloat16,

    /// <summary>IEEE half precision.</summary>
    Float16,
}

/// <summary>What follows from an element type.</summary>
internal static class DTypes
{
    /// <summary>True for numbers of 16 bits.</summary>
    public static bool IsNarrow(this DType type) => type is DType.BFloat16 or DType.Float16;

    /// <summary>Bytes of a number.</summary>
    public static int Size(this DType type) => type.IsNarrow() ? sizeof(ushort) : sizeof(float);

    /// <summary>What a precision has in memory where its numbers have 16 bits; else float32.</summary>
    public static DType Of(ComputePrecision precision) => precision switch
    {
        ComputePrecision.BFloat16 => DType.BFloat16,
        ComputePrecision.Float16 => DType.Float16,
        _ => DType.Float32,
    };

    /// <summary>The number of 16 bits that is nearest.</summary>
    public static ushort Narrowed(this DType type, float value) => type == DType.BFloat16 ? Rounding.ToBFloat16(value) : BitConverter.HalfToUInt16Bits((Half)value);

    /// <summary>A number of 16 bits as float32.</summary>
    public static float Widened(this DType type, ushort bits) => type == DType.BFloat16 ? Rounding.FromBFloat16(bits) : (float)BitConverter.UInt16BitsToHalf(bits);
}
