using System.Buffers.Binary;

namespace Graft.Importers.Images;

/// <summary>PPM and PGM files, binary and plain (P2, P3, P5, P6).</summary>
/// <remarks>
/// As Pillow reads them: levels of another maximum than 255 are brought to 0..255, rounded; gray of more than 8 bits is brought to
/// 0..65535 and then saturates at 255. Netpbm's ppm(5) and pgm(5). Of several images in one file the first is read.
/// </remarks>
internal static class PortableMap
{
    private const int Deepest = 65535;

    /// <summary>True for a P2, P3, P5 or P6 header.</summary>
    public static bool Handles(byte[] bytes) => bytes.Length > 2 && bytes[0] == 'P' && bytes[1] is (byte)'2' or (byte)'3' or (byte)'5' or (byte)'6' && IsBlank(bytes[2]);

    /// <exception cref="GraftException">The header is damaged, or samples are missing or too large.</exception>
    public static PixelImage Decode(byte[] bytes, string name)
    {
        int at = 2;
        int width = Number(bytes, ref at, name), height = Number(bytes, ref at, name), max = Number(bytes, ref at, name);
        ImageDecoder.CheckSize(width, height, name);
        if (max is < 1 or > Deepest)
            throw new GraftException($"{name}: its header says a largest level of {max}; 1 to {Deepest} is due. The file is damaged.");
        bool plain = bytes[1] is (byte)'2' or (byte)'3', gray = bytes[1] is (byte)'2' or (byte)'5';
        int samples = checked(width * height * (gray ? 1 : 3)), size = max > 255 ? 2 : 1;
        at++; // the one blank behind the header
        if (bytes.Length - at < (plain ? 2L * samples - 1 : (long)samples * size)) // plain: a digit and a blank each
            throw new GraftException($"{name}: the portable map ends before its last row; the file is truncated.");
        int top = gray && max > 255 ? Deepest : 255;
        var rgb = new byte[width * height * 3];
        for (int i = 0; i < samples; i++)
        {
            int sample = plain ? Number(bytes, ref at, name) : size == 1 ? bytes[at + i] : BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at + 2 * i));
            if (plain && sample > max)
                throw new GraftException($"{name}: holds the level {sample}, more than the {max} of its header; the file is damaged.");
            byte level = (byte)Math.Min(255, max == top ? sample : Math.Min(top, (int)Math.Round((double)sample / max * top)));
            if (gray)
                rgb.AsSpan(3 * i, 3).Fill(level);
            else
                rgb[i] = level;
        }
        return new PixelImage(height, width, 3, rgb);
    }

    /// <summary>The next number; a '#' begins a comment that ends with its line.</summary>
    private static int Number(byte[] bytes, ref int at, string name)
    {
        while (at < bytes.Length && (IsBlank(bytes[at]) || bytes[at] == '#'))
        {
            if (bytes[at] == '#')
            {
                while (at < bytes.Length && bytes[at] is not ((byte)'\n' or (byte)'\r'))
                    at++;
            }
            else
            {
                at++;
            }
        }
        int start = at;
        long value = 0;
        for (; at < bytes.Length && bytes[at] is >= (byte)'0' and <= (byte)'9' && value <= int.MaxValue; at++)
            value = value * 10 + bytes[at] - '0';
        return at > start && value <= int.MaxValue ? (int)value
            : throw new GraftException($"{name}: the portable map {(at >= bytes.Length ? "ends where a number is due; the file is truncated" : $"has the byte {bytes[at]:X2} where a number is due; the file is damaged")}.");
    }

    private static bool IsBlank(byte b) => b is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r' or 11 or 12;
}
