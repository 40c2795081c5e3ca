using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Graft.Training;

/// <content>Pixels of 8 bits, as files have them.</content>
public sealed partial record Preprocessing
{
    /// <summary>Numbers of a vector that hold whole pixels of 1, 2, 3, 4 or 6 channels.</summary>
    private const int WholePixels = 12;

    /// <summary>Whether all channels are treated alike, whatever their number.</summary>
    private bool IsAlike => Mean.Distinct().Count() == 1 && Std.Distinct().Count() == 1;

    /// <summary>Turns pixels of 8 bits into the network's input: the same numbers as from floats.</summary>
    /// <inheritdoc cref="Apply(ReadOnlySpan{float}, Shape, Span{float})"/>
    public void ApplyToBytes(ReadOnlySpan<byte> pixels, Shape shape, Span<float> destination)
    {
        Check(pixels.Length, shape, destination.Length);
        int channels = shape[-1];
        bool isOneNumber = IsAlike && !ReverseChannels;
        if (MeanImage is not null || (!isOneNumber && WholePixels % channels != 0))
        {
            Apply(Array.ConvertAll(pixels.ToArray(), b => (float)b), shape, destination);
            return;
        }
        int done = isOneNumber ? ApplyByVectors(pixels, destination, 1, Vector128<byte>.Count) : ApplyByVectors(pixels, destination, channels, WholePixels);
        for (; done < pixels.Length; done++)
        {
            int c = done % channels, from = ReverseChannels ? done - c + channels - 1 - c : done;
            destination[done] = (pixels[from] * Scale - Mean[c % Mean.Count]) / Std[c % Std.Count];
        }
    }

    /// <summary>
    /// Sixteen numbers at a time, of which the first <paramref name="whole"/> are whole pixels: the next sixteen begin behind them and overwrite the rest.
    /// </summary>
    /// <returns>How many numbers were written; those of the last vector are left.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private int ApplyByVectors(ReadOnlySpan<byte> pixels, Span<float> destination, int channels, int whole)
    {
        Span<byte> order = stackalloc byte[Vector128<byte>.Count];
        Span<float> means = stackalloc float[Vector512<float>.Count], deviations = stackalloc float[Vector512<float>.Count];
        for (int i = 0; i < order.Length; i++)
        {
            int c = i % channels;
            order[i] = (byte)(ReverseChannels && i < whole ? i - c + channels - 1 - c : i);
            (means[i], deviations[i]) = (Mean[c % Mean.Count], Std[c % Std.Count]);
        }
        bool divides = deviations.ContainsAnyExcept(1f); // ten times as dear as the rest
        ref byte from = ref MemoryMarshal.GetReference(pixels);
        ref float to = ref MemoryMarshal.GetReference(destination);
        var (byteOrder, factor, mean, deviation) = (Vector128.Create(order), Vector512.Create(Scale), Vector512.Create(means), Vector512.Create(deviations));
        int done = 0;
        for (; done + Vector128<byte>.Count <= pixels.Length; done += whole)
        {
            Vector128<byte> bytes = Vector128.ShuffleNative(Vector128.LoadUnsafe(ref from, (nuint)done), byteOrder);
            Vector512<uint> pixel = Vector512.WidenLower(Vector256.WidenLower(bytes.ToVector256Unsafe()).ToVector512Unsafe());
            Vector512<float> number = Vector512.ConvertToSingle(pixel.AsInt32()) * factor - mean;
            (divides ? number / deviation : number).StoreUnsafe(ref to, (nuint)done);
        }
        return done;
    }
}
