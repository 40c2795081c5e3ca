using System.Buffers.Binary;
using System.IO.Compression;

namespace Graft.Importers.Images;

/// <summary>PNG files of one 16-bit channel: Pillow limits the value to 255 where other decoders take its upper byte.</summary>
/// <remarks>PNG specification (second edition), sections 5, 9 and 11.2.2.</remarks>
internal static class GrayPng16
{
    private const int HeaderEnd = 33; // signature 8, IHDR 4 + 4 + 13 + 4

    /// <summary>True for a PNG of colour type 0 and bit depth 16, not interlaced.</summary>
    public static bool Handles(byte[] bytes) => bytes.Length > HeaderEnd && bytes[0] == 0x89 && bytes.AsSpan(1, 3).SequenceEqual("PNG"u8)
        && bytes[24] == 16 && bytes[25] == 0 && bytes[28] == 0;

    public static PixelImage Decode(byte[] bytes, string name)
    {
        int width = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(16)), height = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(20));
        ImageDecoder.CheckSize(width, height, name);
        int stride = width * 2;
        byte[] rows = Inflate(bytes, (stride + 1) * height, name);
        var rgb = new byte[width * height * 3];
        var previous = new byte[stride];
        for (int y = 0; y < height; y++)
        {
            Span<byte> row = rows.AsSpan(y * (stride + 1) + 1, stride);
            Unfilter(rows[y * (stride + 1)], row, previous);
            row.CopyTo(previous);
            for (int x = 0; x < width; x++)
                rgb.AsSpan((y * width + x) * 3, 3).Fill((byte)Math.Min((ushort)255, BinaryPrimitives.ReadUInt16BigEndian(row[(2 * x)..])));
        }
        return new PixelImage(height, width, rgb);
    }

    private static byte[] Inflate(byte[] bytes, int size, string name)
    {
        using var compressed = new MemoryStream();
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
        using var inflater = new ZLibStream(compressed, CompressionMode.Decompress);
        var rows = new byte[size];
        try
        {
            inflater.ReadExactly(rows);
        }
        catch (Exception e) when (e is EndOfStreamException or InvalidDataException)
        {
            throw new GraftException($"{name}: the Png data ends before the last row; the file is truncated.", e);
        }
        return rows;
    }

    private static void Unfilter(byte filter, Span<byte> row, byte[] above)
    {
        const int Step = 2; // bytes a pixel
        for (int i = 0; i < row.Length; i++)
        {
            int a = i >= Step ? row[i - Step] : 0, b = above[i], c = i >= Step ? above[i - Step] : 0;
            row[i] += (byte)(filter switch { 1 => a, 2 => b, 3 => (a + b) / 2, 4 => Paeth(a, b, c), _ => 0 });
        }
    }

    private static int Paeth(int a, int b, int c)
    {
        int p = a + b - c, pa = Math.Abs(p - a), pb = Math.Abs(p - b), pc = Math.Abs(p - c);
        return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    }
}
