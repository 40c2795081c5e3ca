using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graft.Importers.Images;

/// <summary>Bytes of pixels as numbers of 32 bits for weighted sums in fixed point, and back.</summary>
internal static class PixelSums
{
    /// <summary>Eight bytes as eight numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Widen(ref byte from) => Avx2.ConvertToVector256Int32(Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref from)).AsByte());

    /// <summary>Sums without their fraction, cut to 0..255, in the first eight bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> ToBytes(Vector256<int> sums)
    {
        sums >>= ResizeTaps.Precision;
        Vector128<short> both = Sse2.PackSignedSaturate(sums.GetLower(), sums.GetUpper());
        return Sse2.PackUnsignedSaturate(both, both);
    }

    /// <summary>The same for sixteen.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> ToBytes(Vector512<int> sums) =>
        Avx512F.ConvertToVector128ByteWithSaturation(Vector512.Max(sums >> ResizeTaps.Precision, Vector512<int>.Zero).AsUInt32());
}
