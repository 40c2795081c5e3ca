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
        using PixelBuffer pixels = Run(PixelBuffer.Of(image), height, width, filter);
        return pixels.ToImage();
    }

    /// <summary>The image at another size, without the fourth byte of a pixel; the one that is given is disposed. One that has this width already is resampled down alone, the second pass of the two.</summary>
    internal static PixelBuffer Run(PixelBuffer image, int height, int width, ResizeFilter filter)
    {
        if (filter == ResizeFilter.Nearest && (height != image.Height || width != image.Width))
            Replace(ref image, Nearest(image, height, width));
        if (width != image.Width)
            Replace(ref image, Across(image, width, filter));
        if (image.Step != image.Channels)
            Replace(ref image, image.WithoutFourth());
        if (height != image.Height)
            Replace(ref image, Down(image, height, filter));
        return image;
    }

    private static void Replace(ref PixelBuffer image, PixelBuffer next)
    {
        image.Dispose();
        image = next;
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
        var result = new PixelBuffer(image.Height, width, image.Channels);
        ResizeTaps taps = ResizeTaps.Of(image.Width, width, filter);
        if (SixteenRows.IsSupported && image.Channels == 3 && image.Height >= SixteenRows.Count)
        {
            for (int y = 0; y < image.Height; y += SixteenRows.Count)
            {
                int at = Math.Min(y, image.Height - SixteenRows.Count); // the last ones may have been there already
                SixteenRows.Across(image, at, result, at, taps);
            }
            return result;
        }
        for (int y = 0; y < image.Height; y++)
            AcrossPlain(image.Pixels[(y * image.Width * image.Step)..], image.Step, result.Pixels.Slice(y * width * result.Step, width * result.Step), result.Step, taps);
        return result;
    }

    private static void AcrossPlain(ReadOnlySpan<byte> from, int step, Span<byte> to, int channels, ResizeTaps taps)
    {
        for (int i = 0; i < to.Length; i++)
        {
            int sum = Half, at = taps.First[i / channels] * step + i % channels;
            foreach (int weight in taps.WeightsOf(i / channels))
            {
                sum += from[at] * weight;
                at += step;
            }
            to[i] = (byte)Math.Clamp(sum >> Precision, 0, 255);
        }
    }

    /// <summary>Columns resampled to another height.</summary>
    private static PixelBuffer Down(PixelBuffer image, int height, ResizeFilter filter)
    {
        var result = new PixelBuffer(height, image.Width, image.Step);
        ResizeTaps taps = ResizeTaps.Of(image.Height, height, filter);
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

    /// <summary>
    /// As <see cref="DownPlain"/>: a vector holds sixteen neighbouring bytes of a row, or eight. The last one runs over the row's end, which the next row mends.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void DownFast(ReadOnlySpan<byte> from, Span<byte> to, int row, ReadOnlySpan<int> weights)
    {
        ref byte source = ref MemoryMarshal.GetReference(from), target = ref MemoryMarshal.GetReference(to);
        if (Vector512.IsHardwareAccelerated && Avx512F.IsSupported)
        {
            for (int x = 0; x < row; x += 16)
            {
                Vector512<int> sum = Vector512.Create(Half);
                ref byte at = ref Unsafe.Add(ref source, x);
                for (int t = 0; t < weights.Length; t++, at = ref Unsafe.Add(ref at, row))
                    sum += Avx512F.ConvertToVector512Int32(Vector128.LoadUnsafe(ref at)) * Vector512.Create(weights[t]);
                PixelSums.ToBytes(sum).StoreUnsafe(ref Unsafe.Add(ref target, x));
            }
            return;
        }
        for (int x = 0; x < row; x += 8)
        {
            Vector256<int> sum = Vector256.Create(Half);
            ref byte at = ref Unsafe.Add(ref source, x);
            for (int t = 0; t < weights.Length; t++, at = ref Unsafe.Add(ref at, row))
                sum += PixelSums.Widen(ref at) * Vector256.Create(weights[t]);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref target, x), PixelSums.ToBytes(sum).AsUInt64().ToScalar());
        }
    }
}
