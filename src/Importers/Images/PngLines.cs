using System.Buffers.Binary;
using System.IO.Compression;

namespace Graft.Importers.Images;

/// <summary>The unfiltered lines of a PNG file, interlaced or not, for what other decoders convert before it can be seen.</summary>
/// <remarks>PNG specification (second edition), sections 5, 8.2, 9 and 11.2.2.</remarks>
internal static class PngLines
{
    private const int HeaderEnd = 33; // signature 8, IHDR 4 + 4 + 13 + 4

    // Adam7: first column and row of each pass, and the steps between its pixels.
    private static readonly (int X, int Y, int StepX, int StepY)[] s_adam7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    /// <summary>Takes one line: its bytes, and where its first pixel is in the image, how far it is to the next, and how many there are.</summary>
    public delegate void Line(ReadOnlySpan<byte> bytes, int y, int x, int step, int pixels);

    /// <summary>Bits of a sample, and the type of colour; null where it is no PNG.</summary>
    public static (int Depth, int Colour)? KindOf(byte[] bytes) =>
        bytes.Length > HeaderEnd && bytes[0] == 0x89 && bytes.AsSpan(1, 3).SequenceEqual("PNG"u8) && bytes[28] <= 1 ? (bytes[24], bytes[25]) : null;

    /// <summary>Rows and columns.</summary>
    /// <exception cref="GraftException">They are out of range.</exception>
    public static (int Height, int Width) SizeOf(byte[] bytes, string name)
    {
        int width = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(16)), height = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(20));
        ImageDecoder.CheckSize(width, height, name);
        ImageDecoder.CheckClaim(bytes, width, height, name);
        return (height, width);
    }

    /// <summary>Reads all lines.</summary>
    /// <exception cref="GraftException">The size in the header is out of range, or data is missing.</exception>
    public static void Read(byte[] bytes, string name, int bitsPerPixel, Line take)
    {
        const int BitsPerByte = 8;
        (int height, int width) = SizeOf(bytes, name);
        using Stream data = Compressed(bytes);
        using var inflater = new ZLibStream(data, CompressionMode.Decompress);
        foreach ((int x0, int y0, int stepX, int stepY) in bytes[28] == 1 ? s_adam7 : [(0, 0, 1, 1)])
        {
            int columns = (width - x0 + stepX - 1) / stepX;
            if (columns <= 0)
                continue; // a pass without pixels has no rows
            byte[] line = new byte[1 + ((long)columns * bitsPerPixel + BitsPerByte - 1) / BitsPerByte], above = new byte[line.Length];
            for (int y = y0; y < height; y += stepY)
            {
                Read(inflater, line, name);
                Unfilter(line, above, Math.Max(1, bitsPerPixel / BitsPerByte));
                take(line.AsSpan(1), y, x0, stepX, columns);
                (line, above) = (above, line);
            }
        }
    }

    private static MemoryStream Compressed(byte[] bytes)
    {
        var compressed = new MemoryStream();
        for (int at = 8; at + 12 <= bytes.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at));
            if (length > bytes.Length - at - 12)
                break;
            if (bytes.AsSpan(at + 4, 4).SequenceEqual("IDAT"u8))
                compressed.Write(bytes, at + 8, (int)length);
            at += 12 + (int)length;
        }
        compressed.Position = 0;
        return compressed;
    }

    private static void Read(ZLibStream inflater, byte[] line, string name)
    {
        try
        {
            inflater.ReadExactly(line);
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException)
        {
            throw new GraftException($"{name}: the Png data ends before the last row; the file is truncated.", e);
        }
    }

    /// <summary>Undoes the filter that the line's first byte names; the first byte of <paramref name="above"/> is its own and not read.</summary>
    private static void Unfilter(byte[] line, byte[] above, int step)
    {
        byte filter = line[0];
        for (int i = 1; i < line.Length; i++)
        {
            int a = i > step ? line[i - step] : 0, b = above[i], c = i > step ? above[i - step] : 0;
            line[i] += (byte)(filter switch { 1 => a, 2 => b, 3 => (a + b) / 2, 4 => Paeth(a, b, c), _ => 0 });
        }
    }

    private static int Paeth(int a, int b, int c)
    {
        int p = a + b - c, pa = Math.Abs(p - a), pb = Math.Abs(p - b), pc = Math.Abs(p - c);
        return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    }
}
