namespace Graft.Kernels;

/// <summary>The roundings of numbers in fewer bits, the same on the host and in every kernel set.</summary>
public static class Rounding
{
    /// <summary>The bits of a bfloat16: round to nearest, ties to even; NaN stays NaN.</summary>
    public static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>The float of a bfloat16.</summary>
    public static float FromBFloat16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>What numbers up to a largest magnitude are multiplied by before they are rounded; 0 where all are 0.</summary>
    public static float Inverse(float largest) => largest > 0 ? 127 / largest : 0;

    /// <summary>The whole number of a value.</summary>
    public static int ToInt8(float value, float inverse) => (int)MathF.Round(value * inverse);
}
