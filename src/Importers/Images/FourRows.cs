using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graft.Importers.Images;

/// <summary>
/// Resamples colours across, four rows at a time: the rows are woven into one, [pair of columns][row][byte of the pixel][column], so that a vector holds two columns of all four
/// and each pair of taps is one load and two products of 16 bits that are summed by twos, with nothing to add up in the end. Weights have 22 bits, which go into two halves: products of
/// 32 bits would be as many, and each is two instructions to some processors.
/// </summary>
internal static class FourRows
{
    /// <summary>Bytes of a pixel.</summary>
    public const int Step = 4;

    private const int Rows = 4, Woven = Rows * Step, Pair = 2 * Woven;

    /// <summary>Whether this processor has what it takes.</summary>
    public static bool IsSupported => Avx2.IsSupported;

    /// <summary>Writes the first rows of <paramref name="image"/> to those of <paramref name="result"/> from <paramref name="first"/> on; it has another width.</summary>
    public static void Across(PixelBuffer image, int rows, PixelBuffer result, int first, ResizeTaps taps)
    {
        int widest = Math.Max(image.Width + Math.Max(2 * taps.Pairs, Rows), result.Width + Rows);
        byte[] before = ArrayPool<byte>.Shared.Rent(widest * Woven), after = ArrayPool<byte>.Shared.Rent(widest * Woven);
        for (int y = 0; y < rows; y += Rows)
        {
            Weave(image, y, rows - 1, before);
            if (Vector512.IsHardwareAccelerated && Avx512BW.IsSupported)
                Resample512(before, after, taps);
            else
                Resample256(before, after, taps);
            Part(after, result, first + y, Math.Min(Rows, rows - y));
        }
        ArrayPool<byte>.Shared.Return(before);
        ArrayPool<byte>.Shared.Return(after);
    }

    /// <summary>Four rows from y on as one; below the last row, that row again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Weave(PixelBuffer image, int y, int last, byte[] woven)
    {
        ref byte first = ref MemoryMarshal.GetReference(image.WithSlack), to = ref MemoryMarshal.GetArrayDataReference(woven);
        int line = image.Width * Step;
        ref byte row0 = ref Unsafe.Add(ref first, y * line), row1 = ref Unsafe.Add(ref first, Math.Min(y + 1, last) * line);
        ref byte row2 = ref Unsafe.Add(ref first, Math.Min(y + 2, last) * line), row3 = ref Unsafe.Add(ref first, Math.Min(y + 3, last) * line);
        for (nuint at = 0; at < (nuint)line; at += Rows * Step)
        {
            (Vector128<uint> a, Vector128<uint> b, Vector128<uint> c, Vector128<uint> d) = Turn(
                Vector128.LoadUnsafe(ref row0, at).AsUInt32(), Vector128.LoadUnsafe(ref row1, at).AsUInt32(),
                Vector128.LoadUnsafe(ref row2, at).AsUInt32(), Vector128.LoadUnsafe(ref row3, at).AsUInt32());
            ref byte target = ref Unsafe.Add(ref to, at * Rows);
            Sse2.UnpackLow(a.AsByte(), b.AsByte()).StoreUnsafe(ref target);
            Sse2.UnpackHigh(a.AsByte(), b.AsByte()).StoreUnsafe(ref target, Woven);
            Sse2.UnpackLow(c.AsByte(), d.AsByte()).StoreUnsafe(ref target, 2 * Woven);
            Sse2.UnpackHigh(c.AsByte(), d.AsByte()).StoreUnsafe(ref target, 3 * Woven);
        }
    }

    /// <summary>The first of the four rows, or all, back to where they belong.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Part(byte[] woven, PixelBuffer result, int y, int rows)
    {
        ref byte from = ref MemoryMarshal.GetArrayDataReference(woven), to = ref MemoryMarshal.GetReference(result.WithSlack);
        int line = result.Width * Step, whole = result.Width / Rows * Rows;
        ref byte row = ref Unsafe.Add(ref to, y * line);
        if (rows == Rows)
        {
            for (int x = 0; x < whole; x += Rows)
            {
                ref byte source = ref Unsafe.Add(ref from, x * Woven), target = ref Unsafe.Add(ref row, x * Step);
                (Vector128<uint> a, Vector128<uint> b, Vector128<uint> c, Vector128<uint> d) = Turn(
                    Vector128.LoadUnsafe(ref source).AsUInt32(), Vector128.LoadUnsafe(ref source, Woven).AsUInt32(),
                    Vector128.LoadUnsafe(ref source, 2 * Woven).AsUInt32(), Vector128.LoadUnsafe(ref source, 3 * Woven).AsUInt32());
                a.AsByte().StoreUnsafe(ref target);
                b.AsByte().StoreUnsafe(ref Unsafe.Add(ref target, line));
                c.AsByte().StoreUnsafe(ref Unsafe.Add(ref target, 2 * line));
                d.AsByte().StoreUnsafe(ref Unsafe.Add(ref target, 3 * line));
            }
        }
        for (int r = 0; r < rows; r++)
        {
            for (int x = rows == Rows ? whole : 0; x < result.Width; x++)
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref row, r * line + x * Step), Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref from, x * Woven + r * Step)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Resample512(byte[] from, byte[] to, ResizeTaps taps)
    {
        ref byte source = ref MemoryMarshal.GetArrayDataReference(from), target = ref MemoryMarshal.GetArrayDataReference(to);
        ref int weight = ref MemoryMarshal.GetReference(taps.WeightPairs);
        int[] firsts = taps.First;
        int pairs = taps.Pairs;
        for (int i = 0; i < firsts.Length; i++, weight = ref Unsafe.Add(ref weight, 2 * pairs))
        {
            Vector512<int> lower = Vector512.Create(1 << (ResizeTaps.Precision - 1)), upper = Vector512<int>.Zero;
            ref byte at = ref Unsafe.Add(ref source, firsts[i] / 2 * Pair);
            for (int t = 0; t < pairs; t++) // each weight is broadcast from where it lies
            {
                Vector512<short> columns = Avx512BW.ConvertToVector512Int16(Vector256.LoadUnsafe(ref at, (nuint)(t * Pair)));
                lower += Avx512BW.MultiplyAddAdjacent(columns, Vector512.Create(Unsafe.Add(ref weight, 2 * t)).AsInt16());
                upper += Avx512BW.MultiplyAddAdjacent(columns, Vector512.Create(Unsafe.Add(ref weight, 2 * t + 1)).AsInt16());
            }
            PixelSums.ToBytes((upper << ResizeTaps.LowerBits) + lower).StoreUnsafe(ref Unsafe.Add(ref target, i * Woven));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Resample256(byte[] from, byte[] to, ResizeTaps taps)
    {
        ref byte source = ref MemoryMarshal.GetArrayDataReference(from), target = ref MemoryMarshal.GetArrayDataReference(to);
        ref int weight = ref MemoryMarshal.GetReference(taps.WeightPairs);
        int[] firsts = taps.First;
        int pairs = taps.Pairs;
        for (int i = 0; i < firsts.Length; i++, weight = ref Unsafe.Add(ref weight, 2 * pairs))
        {
            Vector256<int> lower01 = Vector256.Create(1 << (ResizeTaps.Precision - 1)), lower23 = lower01, upper01 = Vector256<int>.Zero, upper23 = upper01; // of two rows each
            ref byte at = ref Unsafe.Add(ref source, firsts[i] / 2 * Pair);
            for (int t = 0; t < pairs; t++)
            {
                Vector256<short> low = Vector256.Create(Unsafe.Add(ref weight, 2 * t)).AsInt16(), high = Vector256.Create(Unsafe.Add(ref weight, 2 * t + 1)).AsInt16();
                Vector256<short> rows01 = Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref at, (nuint)(t * Pair))), rows23 = Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref at, (nuint)(t * Pair + Woven)));
                lower01 += Avx2.MultiplyAddAdjacent(rows01, low);
                upper01 += Avx2.MultiplyAddAdjacent(rows01, high);
                lower23 += Avx2.MultiplyAddAdjacent(rows23, low);
                upper23 += Avx2.MultiplyAddAdjacent(rows23, high);
            }
            ref byte pixel = ref Unsafe.Add(ref target, i * Woven);
            Unsafe.WriteUnaligned(ref pixel, PixelSums.ToBytes((upper01 << ResizeTaps.LowerBits) + lower01).AsUInt64().ToScalar());
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref pixel, Woven / 2), PixelSums.ToBytes((upper23 << ResizeTaps.LowerBits) + lower23).AsUInt64().ToScalar());
        }
    }

    /// <summary>Four rows of four as four columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<uint> A, Vector128<uint> B, Vector128<uint> C, Vector128<uint> D) Turn(Vector128<uint> a, Vector128<uint> b, Vector128<uint> c, Vector128<uint> d)
    {
        Vector128<ulong> abLow = Sse2.UnpackLow(a, b).AsUInt64(), abHigh = Sse2.UnpackHigh(a, b).AsUInt64();
        Vector128<ulong> cdLow = Sse2.UnpackLow(c, d).AsUInt64(), cdHigh = Sse2.UnpackHigh(c, d).AsUInt64();
        return (Sse2.UnpackLow(abLow, cdLow).AsUInt32(), Sse2.UnpackHigh(abLow, cdLow).AsUInt32(), Sse2.UnpackLow(abHigh, cdHigh).AsUInt32(), Sse2.UnpackHigh(abHigh, cdHigh).AsUInt32());
    }
}
