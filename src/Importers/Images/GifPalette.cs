namespace Graft.Importers.Images;

/// <summary>The colours of a GIF's first picture, where Pillow shows what other decoders leave transparent.</summary>
/// <remarks>
/// convert('RGB') looks transparent pixels up in the palette like all others; what the picture leaves of the canvas has the
/// transparent colour, else the first. GIF89a specification, sections 18 to 23.
/// </remarks>
internal sealed class GifPalette
{
    private const int HeaderEnd = 13; // signature 6, logical screen 7
    private const byte Extension = 0x21, GraphicControl = 0xF9, ImageDescriptor = 0x2C;

    private readonly byte[] _background;

    private GifPalette(byte[] opaque, byte[] background) => (Opaque, _background) = (opaque, background);

    /// <summary>The file without the transparency of its first picture.</summary>
    public byte[] Opaque { get; }

    /// <summary>Null where the file is no GIF, or ends before its first picture.</summary>
    public static GifPalette? Of(byte[] bytes)
    {
        if (bytes.Length < HeaderEnd || !bytes.AsSpan().StartsWith("GIF8"u8))
            return null;
        int palette = HeaderEnd, at = HeaderEnd + TableBytes(bytes[10]), transparent = 0;
        byte[] opaque = [.. bytes];
        while (at + 9 < bytes.Length && bytes[at] == Extension)
        {
            if (bytes[at + 1] == GraphicControl && (bytes[at + 3] & 1) != 0)
            {
                opaque[at + 3] &= 0xFE;
                transparent = bytes[at + 6];
            }
            at += 2;
            while (at < bytes.Length && bytes[at] != 0)
                at += bytes[at] + 1; // sub-blocks
            at++;
        }
        if (at + 10 > bytes.Length || bytes[at] != ImageDescriptor)
            return null;
        if (TableBytes(bytes[at + 9]) > 0)
            palette = at + 10;
        int entry = palette + 3 * transparent;
        return new GifPalette(opaque, entry + 3 <= bytes.Length ? bytes[entry..(entry + 3)] : [0, 0, 0]);
    }

    /// <summary>Gives the pixels that the picture does not cover their colour.</summary>
    public void FillUncovered(Span<byte> rgba)
    {
        for (int i = 0; i < rgba.Length; i += 4)
        {
            if (rgba[i + 3] == 0)
                _background.CopyTo(rgba[i..]);
        }
    }

    private static int TableBytes(byte flags) => (flags & 0x80) == 0 ? 0 : 3 << ((flags & 7) + 1);
}
