using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Graft.Importers.Images;

/// <summary>
/// Pixels on their way from a file to a sample, in memory that is used again for the next file: a photograph takes a megabyte, and fresh pages cost
/// half as much as decoding it.
/// </summary>
/// <remarks>A colour takes four bytes (red, green, blue, and one that is not looked at), as decoders deliver it, or three once it is resized; gray takes one.</remarks>
internal sealed class PixelBuffer : IDisposable
{
    /// <summary>Bytes behind the last pixel that may be read and written, so that vectors need no special end.</summary>
    public const int Slack = 64;

    private const int MostShared = 1 << 27; // the pool keeps what it gets back, and rounds up to powers of two: an image of a gigabyte would cost two

    private readonly byte[] _bytes;

    /// <summary>A buffer with undefined contents.</summary>
    public PixelBuffer(int height, int width, int step)
    {
        (Height, Width, Step) = (height, width, step);
        int bytes = checked(height * width * step + Slack);
        _bytes = bytes <= MostShared ? ArrayPool<byte>.Shared.Rent(bytes) : GC.AllocateUninitializedArray<byte>(bytes);
    }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Columns.</summary>
    public int Width { get; }

    /// <summary>Bytes from pixel to pixel: 4 or 3 for colours, 1 for gray.</summary>
    public int Step { get; }

    /// <summary>Numbers that a pixel has: 3 a colour, 1 a gray.</summary>
    public int Channels => Step == 1 ? 1 : 3;

    /// <summary>All pixels, row-major.</summary>
    public Span<byte> Pixels => _bytes.AsSpan(0, Height * Width * Step);

    /// <summary>All pixels with the slack behind them.</summary>
    public Span<byte> WithSlack => _bytes.AsSpan(0, Height * Width * Step + Slack);

    /// <summary>The pixels of an image.</summary>
    public static PixelBuffer Of(PixelImage image)
    {
        if (image.Channels == 1)
        {
            var gray = new PixelBuffer(image.Height, image.Width, 1);
            image.Pixels.CopyTo(gray.Pixels);
            return gray;
        }
        var colours = new PixelBuffer(image.Height, image.Width, 4);
        AddFourth(image.Pixels, colours.Pixels);
        return colours;
    }

    /// <summary>The memory for a decoder to write to, which stays in place until the handle is disposed.</summary>
    public GCHandle Pin() => GCHandle.Alloc(_bytes, GCHandleType.Pinned);

    /// <summary>The image: 3 bytes a colour, 1 byte a gray.</summary>
    public PixelImage ToImage()
    {
        byte[] bytes = GC.AllocateUninitializedArray<byte>(Height * Width * Channels);
        ToBytes(bytes);
        return new PixelImage(Height, Width, Channels, bytes);
    }

    /// <summary>The bytes of the image alone, <see cref="Channels"/> a pixel.</summary>
    public void ToBytes(Span<byte> bytes)
    {
        if (Step == Channels)
            Pixels.CopyTo(bytes);
        else
            DropFourth(WithSlack, bytes);
    }

    /// <summary>The same pixels, <see cref="Channels"/> bytes each.</summary>
    public PixelBuffer WithoutFourth()
    {
        var image = new PixelBuffer(Height, Width, Channels);
        ToBytes(image.Pixels);
        return image;
    }

    /// <summary>One channel: Pillow's mode L, in its integer arithmetic.</summary>
    public PixelBuffer ToGrayscale()
    {
        var gray = new PixelBuffer(Height, Width, 1);
        ReadOnlySpan<byte> from = Pixels;
        Span<byte> to = gray.Pixels;
        for (int i = 0; i < to.Length; i++)
            to[i] = (byte)((from[4 * i] * 19595 + from[4 * i + 1] * 38470 + from[4 * i + 2] * 7471 + 0x8000) >> 16);
        return gray;
    }

    public void Dispose()
    {
        if (_bytes.Length <= MostShared)
            ArrayPool<byte>.Shared.Return(_bytes);
    }

    /// <summary>Four pixels at a time; 16 bytes are read for 12.</summary>
    private static void AddFourth(ReadOnlySpan<byte> from, Span<byte> to)
    {
        Vector128<byte> order = Vector128.Create((byte)0, 1, 2, 0, 3, 4, 5, 0, 6, 7, 8, 0, 9, 10, 11, 0);
        ref byte source = ref MemoryMarshal.GetReference(from), target = ref MemoryMarshal.GetReference(to);
        nuint i = 0, j = 0;
        for (; j + 16 <= (nuint)from.Length; i += 16, j += 12)
            Vector128.Shuffle(Vector128.LoadUnsafe(ref source, j), order).StoreUnsafe(ref target, i);
        for (; j < (nuint)from.Length; i += 4, j += 3)
            from.Slice((int)j, 3).CopyTo(to[(int)i..]);
    }

    /// <summary>Four pixels at a time; 16 bytes are written for 12, and the next four pixels overwrite the rest.</summary>
    private static void DropFourth(ReadOnlySpan<byte> from, Span<byte> to)
    {
        Vector128<byte> order = Vector128.Create((byte)0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
        ref byte source = ref MemoryMarshal.GetReference(from), target = ref MemoryMarshal.GetReference(to);
        nuint i = 0, j = 0;
        for (; j + 16 <= (nuint)to.Length; i += 16, j += 12)
            Vector128.Shuffle(Vector128.LoadUnsafe(ref source, i), order).StoreUnsafe(ref target, j);
        for (; j < (nuint)to.Length; i += 4, j += 3)
            from.Slice((int)i, 3).CopyTo(to[(int)j..]);
    }
}
