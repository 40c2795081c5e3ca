using System.Buffers.Binary;
using Graft.Training;
using SkiaSharp;

namespace Graft.Importers.Images;

/// <summary>Files to pixels, converted to RGB or gray as Pillow's convert does, which Keras uses.</summary>
/// <remarks>
/// JPEG, PNG, BMP, GIF (its first picture) and WebP through Skia; PPM, PGM and PNG of 16 bits by readers of this project; TIFF through
/// LibTiff.NET. Gray is repeated, alpha is dropped (not composited), a palette is looked up, 16-bit gray saturates at 255 and
/// 16-bit colour keeps its upper byte, also where one channel is asked for (Keras delivers 0..65535 there). EXIF orientation is applied where it is asked for; that of a TIFF always, as in Pillow.
/// </remarks>
public static class ImageDecoder
{
    private const long MaxPixels = 178_956_970; // Pillow's limit: a larger header is damaged, or made to exhaust memory

    /// <summary>Decodes a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="colorMode">Channels of the result.</param>
    /// <param name="appliesOrientation">True turns the image upright as its EXIF orientation says.</param>
    /// <exception cref="GraftException">The file is empty, truncated, not an image, or larger than Pillow takes (178956970 pixels);
    /// the message names it and says which.</exception>
    public static PixelImage Decode(string path, ColorMode colorMode = ColorMode.Rgb, bool appliesOrientation = false)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"{path}: cannot be read ({e.Message}).", e);
        }
        return Decode(bytes, path, colorMode, appliesOrientation);
    }

    /// <summary>Decodes a file's bytes; <paramref name="name"/> stands in errors.</summary>
    /// <inheritdoc cref="Decode(string, ColorMode, bool)"/>
    public static PixelImage Decode(byte[] bytes, string name, ColorMode colorMode = ColorMode.Rgb, bool appliesOrientation = false)
    {
        if (bytes.Length == 0)
            throw new GraftException($"{name}: the file is empty.");
        PixelImage image = Png16.Handles(bytes) ? Png16.Decode(bytes, name)
            : PortableMap.Handles(bytes) ? PortableMap.Decode(bytes, name)
            : TiffImage.Handles(bytes) ? TiffImage.Decode(bytes, name)
            : DecodeBySkia(bytes, name, appliesOrientation);
        return colorMode == ColorMode.Grayscale ? image.ToGrayscale() : image;
    }

    private static PixelImage DecodeBySkia(byte[] bytes, string name, bool appliesOrientation)
    {
        GifPalette? gif = GifPalette.Of(bytes);
        using var data = SKData.CreateCopy(gif?.Opaque ?? bytes);
        using SKCodec? codec = SKCodec.Create(data);
        if (codec is null)
            throw new GraftException($"{name}: not an image (it begins with {Beginning(bytes)}); JPEG, PNG, BMP, GIF, WebP, PPM and TIFF are read.");
        CheckSize(codec.Info.Width, codec.Info.Height, name);
        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        SKCodecResult result = codec.GetPixels(info, out byte[] rgba);
        if (result is SKCodecResult.IncompleteInput)
            throw new GraftException($"{name}: the {codec.EncodedFormat} data ends before the last row; the file is truncated.");
        if (result is not SKCodecResult.Success)
            throw new GraftException($"{name}: the {codec.EncodedFormat} data is damaged ({result}).");
        if (codec.EncodedFormat == SKEncodedImageFormat.Jpeg && !EndsAsJpeg(bytes))
            throw new GraftException($"{name}: the Jpeg data has no end marker; the file is truncated.");
        gif?.FillUncovered(rgba);
        var rgb = new byte[info.Width * info.Height * 3];
        for (int i = 0, j = 0; j < rgb.Length; i += 4, j += 3)
            (rgb[j], rgb[j + 1], rgb[j + 2]) = (rgba[i], rgba[i + 1], rgba[i + 2]);
        var image = new PixelImage(info.Height, info.Width, 3, rgb);
        return appliesOrientation ? image.Upright((int)codec.EncodedOrigin) : image; // Skia's origins are EXIF's numbers
    }

    internal static void CheckSize(long width, long height, string name)
    {
        if (width < 1 || height < 1 || width * height > MaxPixels)
            throw new GraftException($"{name}: its header says {width} x {height} pixels; 1 to {MaxPixels} are read. The file is damaged, or make the image smaller.");
    }

    // The decoder can paint missing rows gray and report success, so the end marker FF D9 is looked for. Segments are stepped
    // over by their lengths: a thumbnail inside one has an end marker of its own. Bytes may follow the end.
    private static bool EndsAsJpeg(ReadOnlySpan<byte> bytes)
    {
        for (int at = 2; at + 1 < bytes.Length;)
        {
            byte marker = bytes[at + 1];
            if (bytes[at] != 0xFF || marker == 0xFF)
                at++; // coded data, or fill before a marker
            else if (marker == 0xD9)
                return true;
            else if (marker is 0x00 or 0x01 or (>= 0xD0 and <= 0xD7))
                at += 2; // an FF of the coded data, or a marker without a length
            else if (at + 3 < bytes.Length)
                at += 2 + BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 2)..]);
            else
                return false;
        }
        return false;
    }

    private static string Beginning(byte[] bytes)
    {
        ReadOnlySpan<byte> head = bytes.AsSpan(0, Math.Min(12, bytes.Length));
        return head.ContainsAnyExceptInRange((byte)32, (byte)126) ? Convert.ToHexString(head) : $"the text \"{System.Text.Encoding.ASCII.GetString(head)}\"";
    }
}
