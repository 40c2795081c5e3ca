using System.Buffers.Binary;
using System.IO.Compression;

namespace Graft.Importers.Images;

/// <summary>PNG files of 16 bits a sample, which Pillow converts in its own way: gray is limited to 255, all else keeps its upper byte.</summary>
/// <remarks>PNG specification (second edition), sections 5, 8.2, 9 and 11.2.2. Alpha is dropped.</remarks>
internal static class Png16
{
    private const int HeaderEnd = 33; // signature 8, IHDR 4 + 4 + 13 + 4
    private const int Gray = 0, Rgb = 2, GrayAlpha = 4, Rgba = 6;

    // Adam7: first column and row of each pass, and the steps between its pixels.
    private static readonly (int X, int Y, int StepX, int StepY)[] s_adam7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    /// <summary>True for a PNG of bit depth 16.</summary>
    public static bool Handles(byte[] bytes) => bytes.Length > HeaderEnd && bytes[0] == 0x89 && bytes.AsSpan(1, 3).SequenceEqual("PNG"u8)
        && bytes[24] == 16 && bytes[25] is Gray or Rgb or GrayAlpha or Rgba && bytes[28] <= 1;

    /// <exception cref="GraftException">The size in the header is out of range, or data is missing.</exception>
    public static PixelImage Decode(byte[] bytes, string name)
    {
        int width = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(16)), height = BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(20));
        ImageDecoder.CheckSize(width, height, name);
        ImageDecoder.CheckClaim(bytes, width, height, name);
        int colour = bytes[25], samples = colour switch { Gray => 1, GrayAlpha => 2, Rgb => 3, _ => 4 };
        var rgb = new byte[width * height * 3];
        using Stream data = Compressed(bytes);
        using var inflater = new ZLibStream(data, CompressionMode.Decompress);
        foreach ((int x0, int y0, int stepX, int stepY) in bytes[28] == 1 ? s_adam7 : [(0, 0, 1, 1)])
        {
            int columns = (width - x0 + stepX - 1) / stepX;
            if (columns <= 0)
                continue; // a pass without pixels has no rows
            byte[] line = new byte[1 + columns * samples * 2], above = new byte[line.Length];
            for (int y = y0; y < height; y += stepY)
            {
                Read(inflater, line, name);
                Unfilter(line, above, samples * 2);
                for (int i = 0; i < columns; i++)
                    Convert(line.AsSpan(1 + i * samples * 2), colour, rgb.AsSpan((y * width + x0 + i * stepX) * 3, 3));
                (line, above) = (above, line);
            }
        }
        return new PixelImage(height, width, 3, rgb);
    }

    private static void Convert(ReadOnlySpan<byte> pixel, int colour, Span<byte> rgb)
    {
        if (colour is Rgb or Rgba)
            (rgb[0], rgb[1], rgb[2]) = (pixel[0], pixel[2], pixel[4]);
        else
            rgb.Fill(colour == Gray && pixel[0] > 0 ? (byte)255 : colour == Gray ? pixel[1] : pixel[0]);
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
