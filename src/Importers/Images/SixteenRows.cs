using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graft.Importers.Images;

/// <summary>
/// Resamples colours across, sixteen rows at a time: the rows are woven into one, [pair of columns][channel][row][column of the pair], so that a vector holds two columns of all rows
/// and each pair of taps is one load and two products of 16 bits that are summed by twos, with nothing to add up in the end. Weights have 22 bits, which go into two halves: products of
/// 32 bits would be as many, and each is two instructions to some processors.
/// </summary>
internal static class SixteenRows
{
    /// <summary>How many rows go together.</summary>
    public const int Count = 16;

    private const int Step = 4, Channels = 3; // bytes of a pixel that comes, and of one that goes
    private const int Pair = 2 * Count; // bytes of two columns of a channel, in all rows

    /// <summary>Whether this processor has what it takes.</summary>
    public static bool IsSupported => Avx2.IsSupported;

    /// <summary>Writes sixteen rows of an image, from <paramref name="y"/> on, to as many of <paramref name="result"/> from <paramref name="to"/> on. It has another width and no fourth byte.</summary>
    public static void Across(PixelBuffer image, int y, PixelBuffer result, int to, ResizeTaps taps)
    {
        int mostPairs = image.Width / 2 + Math.Max(taps.Pairs, 2);
        byte[] before = ArrayPool<byte>.Shared.Rent(mostPairs * Channels * Pair), after = ArrayPool<byte>.Shared.Rent(result.Width * Channels * Count);
        int line = image.Width * Step, lineAfter = result.Width * Channels;
        Weave(image.WithSlack[(y * line)..], line, before);
        if (Vector512.IsHardwareAccelerated && Avx512BW.IsSupported)
            Resample512(before, after, taps);
        else
            Resample256(before, after, taps);
        Part(after, result.Pixels.Slice(to * lineAfter, Count * lineAfter), lineAfter);
        ArrayPool<byte>.Shared.Return(before);
        ArrayPool<byte>.Shared.Return(after);
    }

    /// <summary>
    /// Four pixels of each row at a time. Their bytes are put in order by pairs of columns, [pair][channel][column]; then these, of rows r and r + 8 in one vector, are turned.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Weave(ReadOnlySpan<byte> rows, int line, byte[] woven)
    {
        const int Pixels = 4 * Step, Vectors = 2 * Channels;
        ref byte from = ref MemoryMarshal.GetReference(rows), to = ref MemoryMarshal.GetArrayDataReference(woven);
        for (int x = 0; x < line; x += Pixels, from = ref Unsafe.Add(ref from, Pixels), to = ref Unsafe.Add(ref to, Vectors * Pair))
        {
            (Vector256<int> a, Vector256<int> aBehind) = TwoRows(ref from, line);
            (Vector256<int> b, Vector256<int> bBehind) = TwoRows(ref Unsafe.Add(ref from, 2 * line), line);
            (Vector256<int> c, Vector256<int> cBehind) = TwoRows(ref Unsafe.Add(ref from, 4 * line), line);
            (Vector256<int> d, Vector256<int> dBehind) = TwoRows(ref Unsafe.Add(ref from, 6 * line), line);
            Vector256<long> first01 = Avx2.UnpackLow(a, b).AsInt64(), first23 = Avx2.UnpackHigh(a, b).AsInt64(), first45 = Avx2.UnpackLow(aBehind, bBehind).AsInt64();
            Vector256<long> last01 = Avx2.UnpackLow(c, d).AsInt64(), last23 = Avx2.UnpackHigh(c, d).AsInt64(), last45 = Avx2.UnpackLow(cBehind, dBehind).AsInt64();
            Avx2.UnpackLow(first01, last01).AsByte().StoreUnsafe(ref to);
            Avx2.UnpackHigh(first01, last01).AsByte().StoreUnsafe(ref to, Pair);
            Avx2.UnpackLow(first23, last23).AsByte().StoreUnsafe(ref to, 2 * Pair);
            Avx2.UnpackHigh(first23, last23).AsByte().StoreUnsafe(ref to, 3 * Pair);
            Avx2.UnpackLow(first45, last45).AsByte().StoreUnsafe(ref to, 4 * Pair);
            Avx2.UnpackHigh(first45, last45).AsByte().StoreUnsafe(ref to, 5 * Pair);
        }
    }

    /// <summary>Four pixels of rows r and r + 1 (and, in the upper halves, r + 8 and r + 9): pairs 0 to 3 and 4 to 7 of each, by turns. The last two are of the fourth byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<int> Pairs0123, Vector256<int> Pairs4567) TwoRows(ref byte from, int line)
    {
        Vector256<byte> order = Vector256.Create((byte)0, 4, 1, 5, 2, 6, 8, 12, 9, 13, 10, 14, 3, 7, 11, 15, 0, 4, 1, 5, 2, 6, 8, 12, 9, 13, 10, 14, 3, 7, 11, 15);
        ref byte below = ref Unsafe.Add(ref from, Count / 2 * line);
        Vector256<short> r = Avx2.Shuffle(Vector256.Create(Vector128.LoadUnsafe(ref from), Vector128.LoadUnsafe(ref below)), order).AsInt16();
        Vector256<short> next = Avx2.Shuffle(Vector256.Create(Vector128.LoadUnsafe(ref from, (nuint)line), Vector128.LoadUnsafe(ref below, (nuint)line)), order).AsInt16();
        return (Avx2.UnpackLow(r, next).AsInt32(), Avx2.UnpackHigh(r, next).AsInt32());
    }

    /// <summary>[column and channel][row] turned to rows, sixteen of the former at a time; the last sixteen may have been there already.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Part(byte[] woven, Span<byte> rows, int line)
    {
        ref byte from = ref MemoryMarshal.GetArrayDataReference(woven), to = ref MemoryMarshal.GetReference(rows);
        if (line < Count)
        {
            for (int i = 0; i < rows.Length; i++)
                rows[i] = woven[i % line * Count + i / line];
            return;
        }
        for (int x = 0; x < line; x += Count)
        {
            int at = Math.Min(x, line - Count);
            ref byte source = ref Unsafe.Add(ref from, at * Count), target = ref Unsafe.Add(ref to, at);
            (Vector256<short> ab, Vector256<short> abBelow) = TwoColumns(ref source);
            (Vector256<short> cd, Vector256<short> cdBelow) = TwoColumns(ref Unsafe.Add(ref source, 2 * Count));
            (Vector256<short> ef, Vector256<short> efBelow) = TwoColumns(ref Unsafe.Add(ref source, 4 * Count));
            (Vector256<short> gh, Vector256<short> ghBelow) = TwoColumns(ref Unsafe.Add(ref source, 6 * Count));
            FourRows(ref target, line, Avx2.UnpackLow(ab, cd).AsInt32(), Avx2.UnpackLow(ef, gh).AsInt32());
            FourRows(ref Unsafe.Add(ref target, 4 * line), line, Avx2.UnpackHigh(ab, cd).AsInt32(), Avx2.UnpackHigh(ef, gh).AsInt32());
            FourRows(ref Unsafe.Add(ref target, 8 * line), line, Avx2.UnpackLow(abBelow, cdBelow).AsInt32(), Avx2.UnpackLow(efBelow, ghBelow).AsInt32());
            FourRows(ref Unsafe.Add(ref target, 12 * line), line, Avx2.UnpackHigh(abBelow, cdBelow).AsInt32(), Avx2.UnpackHigh(efBelow, ghBelow).AsInt32());
        }
    }

    /// <summary>Columns c and c + 1 (and, in the upper halves, c + 8 and c + 9) by turns: of the upper eight rows, and of the lower.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<short> Rows0To7, Vector256<short> Rows8To15) TwoColumns(ref byte from)
    {
        ref byte behind = ref Unsafe.Add(ref from, Count / 2 * Count);
        Vector256<byte> c = Vector256.Create(Vector128.LoadUnsafe(ref from), Vector128.LoadUnsafe(ref behind));
        Vector256<byte> next = Vector256.Create(Vector128.LoadUnsafe(ref from, Count), Vector128.LoadUnsafe(ref behind, Count));
        return (Avx2.UnpackLow(c, next).AsInt16(), Avx2.UnpackHigh(c, next).AsInt16());
    }

    /// <summary>Four rows, of which there are the columns 0 to 3 and 4 to 7 (and, in the upper halves, 8 to 11 and 12 to 15).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourRows(ref byte to, int line, Vector256<int> columns0123, Vector256<int> columns4567)
    {
        const byte HalvesOfRows = 0b11_01_10_00;
        Vector256<byte> rows01 = Avx2.Permute4x64(Avx2.UnpackLow(columns0123, columns4567).AsInt64(), HalvesOfRows).AsByte();
        Vector256<byte> rows23 = Avx2.Permute4x64(Avx2.UnpackHigh(columns0123, columns4567).AsInt64(), HalvesOfRows).AsByte();
        rows01.GetLower().StoreUnsafe(ref to);
        rows01.GetUpper().StoreUnsafe(ref to, (nuint)line);
        rows23.GetLower().StoreUnsafe(ref to, (nuint)(2 * line));
        rows23.GetUpper().StoreUnsafe(ref to, (nuint)(3 * line));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Resample512(byte[] from, byte[] to, ResizeTaps taps)
    {
        ref byte source = ref MemoryMarshal.GetArrayDataReference(from), target = ref MemoryMarshal.GetArrayDataReference(to);
        ref int weight = ref MemoryMarshal.GetReference(taps.WeightPairs);
        int[] firsts = taps.First;
        int pairs = taps.Pairs;
        Vector512<int> half = Vector512.Create(1 << (ResizeTaps.Precision - 1));
        for (int i = 0; i < firsts.Length; i++, target = ref Unsafe.Add(ref target, Channels * Count))
        {
            Vector512<int> lower0 = half, lower1 = half, lower2 = half, upper0 = Vector512<int>.Zero, upper1 = upper0, upper2 = upper0;
            ref byte at = ref Unsafe.Add(ref source, firsts[i] / 2 * Channels * Pair);
            for (int t = 0; t < pairs; t++, at = ref Unsafe.Add(ref at, Channels * Pair), weight = ref Unsafe.Add(ref weight, 2))
            {
                Vector512<short> low = Vector512.Create(weight).AsInt16(), high = Vector512.Create(Unsafe.Add(ref weight, 1)).AsInt16();
                Vector512<short> columns = Avx512BW.ConvertToVector512Int16(Vector256.LoadUnsafe(ref at));
                lower0 += Avx512BW.MultiplyAddAdjacent(columns, low);
                upper0 += Avx512BW.MultiplyAddAdjacent(columns, high);
                columns = Avx512BW.ConvertToVector512Int16(Vector256.LoadUnsafe(ref at, Pair));
                lower1 += Avx512BW.MultiplyAddAdjacent(columns, low);
                upper1 += Avx512BW.MultiplyAddAdjacent(columns, high);
                columns = Avx512BW.ConvertToVector512Int16(Vector256.LoadUnsafe(ref at, 2 * Pair));
                lower2 += Avx512BW.MultiplyAddAdjacent(columns, low);
                upper2 += Avx512BW.MultiplyAddAdjacent(columns, high);
            }
            PixelSums.ToBytes((upper0 << ResizeTaps.LowerBits) + lower0).StoreUnsafe(ref target);
            PixelSums.ToBytes((upper1 << ResizeTaps.LowerBits) + lower1).StoreUnsafe(ref target, Count);
            PixelSums.ToBytes((upper2 << ResizeTaps.LowerBits) + lower2).StoreUnsafe(ref target, 2 * Count);
        }
    }

    /// <summary>The upper eight rows of a pixel, then the lower.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Resample256(byte[] from, byte[] to, ResizeTaps taps)
    {
        ref byte source = ref MemoryMarshal.GetArrayDataReference(from), target = ref MemoryMarshal.GetArrayDataReference(to);
        ref int weights = ref MemoryMarshal.GetReference(taps.WeightPairs);
        int[] firsts = taps.First;
        int pairs = taps.Pairs;
        Vector256<int> half = Vector256.Create(1 << (ResizeTaps.Precision - 1));
        for (int i = 0; i < 2 * firsts.Length; i++)
        {
            Vector256<int> lower0 = half, lower1 = half, lower2 = half, upper0 = Vector256<int>.Zero, upper1 = upper0, upper2 = upper0;
            ref byte at = ref Unsafe.Add(ref source, firsts[i / 2] / 2 * Channels * Pair + i % 2 * Pair / 2);
            ref int weight = ref Unsafe.Add(ref weights, i / 2 * 2 * pairs);
            for (int t = 0; t < pairs; t++, at = ref Unsafe.Add(ref at, Channels * Pair), weight = ref Unsafe.Add(ref weight, 2))
            {
                Vector256<short> low = Vector256.Create(weight).AsInt16(), high = Vector256.Create(Unsafe.Add(ref weight, 1)).AsInt16();
                Vector256<short> columns = Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref at));
                lower0 += Avx2.MultiplyAddAdjacent(columns, low);
                upper0 += Avx2.MultiplyAddAdjacent(columns, high);
                columns = Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref at, Pair));
                lower1 += Avx2.MultiplyAddAdjacent(columns, low);
                upper1 += Avx2.MultiplyAddAdjacent(columns, high);
                columns = Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref at, 2 * Pair));
                lower2 += Avx2.MultiplyAddAdjacent(columns, low);
                upper2 += Avx2.MultiplyAddAdjacent(columns, high);
            }
            ref byte pixel = ref Unsafe.Add(ref target, i / 2 * Channels * Count + i % 2 * Count / 2);
            Unsafe.WriteUnaligned(ref pixel, PixelSums.ToBytes((upper0 << ResizeTaps.LowerBits) + lower0).AsUInt64().ToScalar());
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref pixel, Count), PixelSums.ToBytes((upper1 << ResizeTaps.LowerBits) + lower1).AsUInt64().ToScalar());
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref pixel, 2 * Count), PixelSums.ToBytes((upper2 << ResizeTaps.LowerBits) + lower2).AsUInt64().ToScalar());
        }
    }
}
