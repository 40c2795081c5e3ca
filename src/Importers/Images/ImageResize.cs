using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Graft.Training;

namespace Graft.Importers.Images;

/// <summary>Resizes 8-bit images as Pillow does: two passes in fixed point, the filter widened when shrinking.</summary>
public static class ImageResize
{
    private const int Precision = ResizeTaps.Precision, Half = 1 << (Precision - 1);

    /// <summary>The image at another size; the image itself where the size agrees.</summary>
    public static PixelImage Run(PixelImage image, int height, int width, ResizeFilter filter)
    {
        if (image.Height == height && image.Width == width)
            return image;
        using var pixels = PixelBuffer.Of(image);
        return new PixelImage(height, width, image.Channels, Run(pixels, height, width, filter));
    }

    /// <summary>The bytes of the image at another size: 3 a colour, 1 a gray.</summary>
    internal static byte[] Run(PixelBuffer image, int height, int width, ResizeFilter filter)
    {
        if (filter == ResizeFilter.Nearest && (height != image.Height || width != image.Width))
        {
            using PixelBuffer nearest = Nearest(image, height, width);
            return nearest.ToBytes();
        }
        using PixelBuffer? wide = width == image.Width ? null : Across(image, width, filter);
        using PixelBuffer? high = height == image.Height ? null : Down(wide ?? image, height, filter);
        return (high ?? wide ?? image).ToBytes();
    }

    private static PixelBuffer Nearest(PixelBuffer image, int height, int width)
    {
        var result = new PixelBuffer(height, width, image.Step);
        int[] rows = Centres(image.Height, height), columns = Centres(image.Width, width);
        for (int y = 0; y < height; y++)
        {
            Span<byte> from = image.Pixels.Slice(rows[y] * image.Width * image.Step, image.Width * image.Step), to = result.Pixels.Slice(y * width * image.Step, width * image.Step);
            if (image.Step == 1)
                Pick(from, to, columns);
            else
                Pick(MemoryMarshal.Cast<byte, uint>(from), MemoryMarshal.Cast<byte, uint>(to), columns);
        }
        return result;
    }

    private static void Pick<T>(ReadOnlySpan<T> from, Span<T> to, int[] columns)
    {
        for (int x = 0; x < to.Length; x++)
            to[x] = from[columns[x]];
    }

    /// <summary>The pixel under each centre. The place is summed up step by step, as Pillow does: centres on an edge fall as there.</summary>
    private static int[] Centres(int from, int to)
    {
        var centres = new int[to];
        double step = (double)from / to, at = step * 0.5;
        for (int i = 0; i < to; i++, at += step)
            centres[i] = Math.Min(from - 1, (int)at);
        return centres;
    }

    /// <summary>Rows resampled to another width.</summary>
    private static PixelBuffer Across(PixelBuffer image, int width, ResizeFilter filter)
    {
        var result = new PixelBuffer(image.Height, width, image.Step);
        var taps = new ResizeTaps(image.Width, width, filter);
        bool isFast = Avx2.IsSupported && image.Step == 4;
        VectorTaps? vectors = isFast ? taps.ForVectors() : null;
        for (int y = 0; y < image.Height; y++)
        {
            Span<byte> from = image.WithSlack[(y * image.Width * image.Step)..], to = result.WithSlack[(y * width * image.Step)..];
            if (vectors is not null)
                AcrossColours(from, to, width, vectors);
            else
                AcrossPlain(from, to, width, image.Step, taps);
        }
        return result;
    }

    private static void AcrossPlain(ReadOnlySpan<byte> from, Span<byte> to, int width, int step, ResizeTaps taps)
    {
        for (int i = 0; i < width * step; i++)
        {
            int sum = Half, at = taps.First[i / step] * step + i % step;
            foreach (int weight in taps.WeightsOf(i / step))
            {
                sum += from[at] * weight;
                at += step;
            }
            to[i] = (byte)Math.Clamp(sum >> Precision, 0, 255);
        }
    }

    /// <summary>As <see cref="AcrossPlain"/>, two pixels at a time: a vector holds the four bytes of two or four neighbouring pixels, as sums of 32 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AcrossColours(ReadOnlySpan<byte> from, Span<byte> to, int width, VectorTaps taps)
    {
        ref byte source = ref MemoryMarshal.GetReference(from), target = ref MemoryMarshal.GetReference(to);
        ref int weight = ref MemoryMarshal.GetArrayDataReference(taps.Weights);
        ReadOnlySpan<int> firsts = taps.First;
        int count = taps.Count;
        Vector256<int> half = Vector256.Create(Half);
        for (int i = 0; i < width; i += 2)
        {
            int next = Math.Min(i + 1, width - 1); // an odd one out is written twice, the second time where the next row begins
            Vector256<int> a = Sum(ref Unsafe.Add(ref source, 4 * firsts[i]), ref Unsafe.Add(ref weight, 4 * count * i), count);
            Vector256<int> b = Sum(ref Unsafe.Add(ref source, 4 * firsts[next]), ref Unsafe.Add(ref weight, 4 * count * next), count);
            Vector256<int> both = (Avx2.Permute2x128(a, b, 0x20) + Avx2.Permute2x128(a, b, 0x31) + half) >> Precision; // low halves plus high halves
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, 4 * i), Pack(both.GetLower(), both.GetUpper()).AsUInt64().ToScalar());
        }
    }

    /// <summary>The weighted sum of pixels: their even ones in the lower half, the odd ones in the upper.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Sum(ref byte from, ref int weights, int count)
    {
        if (Vector512.IsHardwareAccelerated && Avx512F.IsSupported)
        {
            Vector512<int> four = Avx512F.ConvertToVector512Int32(Vector128.LoadUnsafe(ref from)) * Vector512.LoadUnsafe(ref weights);
            for (nuint tap = 4; tap < (nuint)count; tap += 4)
                four += Avx512F.ConvertToVector512Int32(Vector128.LoadUnsafe(ref from, 4 * tap)) * Vector512.LoadUnsafe(ref weights, 4 * tap);
            return four.GetLower() + four.GetUpper();
        }
        Vector256<int> two = Vector256<int>.Zero;
        for (nuint tap = 0; tap < (nuint)count; tap += 2)
            two += Avx2.ConvertToVector256Int32(EightBytes(ref from, 4 * tap)) * Vector256.LoadUnsafe(ref weights, 4 * tap);
        return two;
    }

    /// <summary>Columns resampled to another height.</summary>
    private static PixelBuffer Down(PixelBuffer image, int height, ResizeFilter filter)
    {
        var result = new PixelBuffer(height, image.Width, image.Step);
        var taps = new ResizeTaps(image.Height, height, filter);
        int row = image.Width * image.Step;
        for (int y = 0; y < height; y++)
        {
            Span<byte> from = image.WithSlack[(taps.First[y] * row)..], to = result.WithSlack[(y * row)..];
            if (Avx2.IsSupported)
                DownFast(from, to, row, taps.WeightsOf(y));
            else
                DownPlain(from, to, row, taps.WeightsOf(y));
        }
        return result;
    }

    private static void DownPlain(ReadOnlySpan<byte> from, Span<byte> to, int row, ReadOnlySpan<int> weights)
    {
        for (int x = 0; x < row; x++)
        {
            int sum = Half, at = x;
            foreach (int weight in weights)
            {
                sum += from[at] * weight;
                at += row;
            }
            to[x] = (byte)Math.Clamp(sum >> Precision, 0, 255);
        }
    }

    /// <summary>As <see cref="DownPlain"/>: a vector holds eight neighbouring bytes of a row. The last one runs over the row's end, which the next row mends.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DownFast(ReadOnlySpan<byte> from, Span<byte> to, int row, ReadOnlySpan<int> weights)
    {
        ref byte source = ref MemoryMarshal.GetReference(from), target = ref MemoryMarshal.GetReference(to);
        for (int x = 0; x < row; x += 8)
        {
            Vector256<int> sum = Vector256.Create(Half);
            ref byte at = ref Unsafe.Add(ref source, x);
            for (int t = 0; t < weights.Length; t++, at = ref Unsafe.Add(ref at, row))
                sum += Avx2.ConvertToVector256Int32(EightBytes(ref at, 0)) * Vector256.Create(weights[t]);
            sum >>= Precision;
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, x), Pack(sum.GetLower(), sum.GetUpper()).AsUInt64().ToScalar());
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> EightBytes(ref byte from, nuint at) => Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref from, at))).AsByte();

    /// <summary>Eight numbers cut to 0..255, in the first eight bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Pack(Vector128<int> low, Vector128<int> high)
    {
        Vector128<short> both = Sse2.PackSignedSaturate(low, high);
        return Sse2.PackUnsignedSaturate(both, both);
    }
}
