using System.Numerics;
using System.Runtime.InteropServices;

namespace Graft.Weights;

/// <summary>Finds NaN and infinity: all bits of the exponent are set.</summary>
internal static class NonFinite
{
    private const uint Magnitude = 0x7FFF_FFFF, Infinity = 0x7F80_0000;

    /// <summary>Place of the first number that is NaN or infinite; -1 where all are finite.</summary>
    public static int IndexIn(ReadOnlySpan<float> values)
    {
        const int Unrolled = 8; // one branch for so many vectors
        ReadOnlySpan<Vector<uint>> vectors = MemoryMarshal.Cast<float, Vector<uint>>(values);
        var magnitude = new Vector<uint>(Magnitude);
        int i = 0;
        for (; i + Unrolled <= vectors.Length; i += Unrolled)
        {
            Vector<uint> largest = Vector<uint>.Zero;
            for (int k = 0; k < Unrolled; k++)
                largest = Vector.Max(largest, vectors[i + k] & magnitude);
            if (Vector.GreaterThanOrEqualAny(largest, new Vector<uint>(Infinity)))
                break;
        }
        int from = i * Vector<uint>.Count; // the rest, or where the first one is
        foreach (float value in values[from..])
        {
            if (!float.IsFinite(value))
                return from;
            from++;
        }
        return -1;
    }
}
