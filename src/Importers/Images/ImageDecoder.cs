using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Graft.Training;
using Graft.Weights;
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
    private const byte StartOfScan = 0xDA;

    private const long MaxPixels = 178_956_970; // Pillow's limit: a larger header is damaged, or made to exhaust memory

    /// <summary>Decodes a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="colorMode">Channels of the result.</param>
    /// <param name="appliesOrientation">True turns the image upright as its EXIF orientation says.</param>
    /// <exception cref="GraftException">The file is empty, truncated, not an image, or larger than Pillow takes (178956970 pixels);
    /// the message names it and says which.</exception>
    public static PixelImage Decode(string path, ColorMode colorMode = ColorMode.Rgb, bool appliesOrientation = false)
    {
        using PixelBuffer image = DecodeToBuffer(path, colorMode, appliesOrientation);
        return image.ToImage();
    }

    /// <summary>Decodes a file's bytes; <paramref name="name"/> stands in errors.</summary>
    /// <inheritdoc cref="Decode(string, ColorMode, bool)"/>
    public static PixelImage Decode(byte[] bytes, string name, ColorMode colorMode = ColorMode.Rgb, bool appliesOrientation = false)
    {
        using PixelBuffer image = DecodeToBuffer(bytes, name, colorMode, appliesOrientation);
        return image.ToImage();
    }

    /// <summary>Decodes a file for <see cref="ImageResize"/> to that size: it may be a draft, and its rows may have been resampled across already.</summary>
    /// <inheritdoc cref="Decode(string, ColorMode, bool)" path="/exception"/>
    internal static PixelBuffer DecodeFor(ImageInput input, string path) => DecodeToBuffer(path, input.ColorMode, input.AppliesOrientation, input);

    /// <inheritdoc cref="DecodeFor(ImageInput, string)"/>
    internal static PixelBuffer DecodeFor(ImageInput input, byte[] bytes, string name) => DecodeToBuffer(bytes, name, input.ColorMode, input.AppliesOrientation, input);

    private static PixelBuffer DecodeToBuffer(string path, ColorMode colorMode, bool appliesOrientation, ImageInput? input = null) =>
        DecodeToBuffer(ReadFile(path), path, colorMode, appliesOrientation, input);

    /// <summary>The bytes of a file.</summary>
    /// <exception cref="GraftException">It is not there, or cannot be read.</exception>
    internal static byte[] ReadFile(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException(e is FileNotFoundException or DirectoryNotFoundException ? $"{path}: no such file." : Directory.Exists(path) ? $"{path}: is a folder, not an image." : $"{path}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>The size of an image, upright where that is asked for, from its header alone; null where this takes more than the header.</summary>
    internal static (int Height, int Width)? SizeOf(string path, bool appliesOrientation)
    {
        using SKCodec? codec = SKCodec.Create(path);
        return codec is null ? null : appliesOrientation && codec.EncodedOrigin >= SKEncodedOrigin.LeftTop ? (codec.Info.Width, codec.Info.Height) : (codec.Info.Height, codec.Info.Width);
    }

    private static PixelBuffer DecodeToBuffer(byte[] bytes, string name, ColorMode colorMode, bool appliesOrientation, ImageInput? input = null) =>
        FileErrors.Named(name, "cannot be read as an image", () => ByContent(bytes, name, colorMode, appliesOrientation, input));

    private static PixelBuffer ByContent(byte[] bytes, string name, ColorMode colorMode, bool appliesOrientation, ImageInput? input)
    {
        if (bytes.Length == 0)
            throw new GraftException($"{name}: the file is empty.");
        PixelBuffer image = Png16.Handles(bytes) ? PixelBuffer.Of(Png16.Decode(bytes, name))
            : PortableMap.Handles(bytes) ? PixelBuffer.Of(PortableMap.Decode(bytes, name))
            : TiffImage.Handles(bytes) ? PixelBuffer.Of(TiffImage.Decode(bytes, name))
            : DecodeBySkia(bytes, name, appliesOrientation, input);
        if (colorMode != ColorMode.Grayscale || image.Step == 1)
            return image;
        using (image)
            return image.ToGrayscale();
    }

    private static PixelBuffer DecodeBySkia(byte[] bytes, string name, bool appliesOrientation, ImageInput? input)
    {
        GifPalette? gif = GifPalette.Of(bytes);
        GCHandle file = GCHandle.Alloc(gif?.Opaque ?? bytes, GCHandleType.Pinned);
        try
        {
            using var data = SKData.Create(file.AddrOfPinnedObject(), bytes.Length); // looks at the bytes where they are
            return Decode(data, bytes, gif, name, appliesOrientation, input);
        }
        finally
        {
            file.Free();
        }
    }

    private static PixelBuffer Decode(SKData data, byte[] bytes, GifPalette? gif, string name, bool appliesOrientation, ImageInput? input)
    {
        using SKCodec? codec = SKCodec.Create(data);
        if (codec is null)
            throw new GraftException($"{name}: not an image (it begins with {Beginning(bytes)}); JPEG, PNG, BMP, GIF, WebP, PPM and TIFF are read.");
        CheckSize(codec.Info.Width, codec.Info.Height, name);
        CheckClaim(bytes, codec.Info.Width, codec.Info.Height, name);
        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul); // no colour space: a profile is not applied
        if (input is not null && codec.EncodedFormat == SKEncodedImageFormat.Jpeg)
        {
            if (input.Draft)
                info = info.WithSize(DraftSize(codec, input));
            if (JpegStrips.Serve(codec, info, input) && EndsAsJpeg(bytes) && JpegStrips.Decode(codec, info, input) is { } resampled)
                return resampled;
        }
        var image = new PixelBuffer(info.Height, info.Width, 4);
        try
        {
            SKCodecResult result = GetPixels(codec, info, image);
            if (result is SKCodecResult.IncompleteInput)
                throw new GraftException($"{name}: the {codec.EncodedFormat} data ends before the last row; the file is truncated.");
            if (result is not SKCodecResult.Success)
                throw new GraftException($"{name}: the {codec.EncodedFormat} data is damaged ({result}).");
            if (codec.EncodedFormat == SKEncodedImageFormat.Jpeg && !EndsAsJpeg(bytes))
                throw new GraftException($"{name}: the Jpeg data has no end marker; the file is truncated.");
            gif?.FillUncovered(image.Pixels);
            return appliesOrientation ? Upright(image, (int)codec.EncodedOrigin) : image; // Skia's origins are EXIF's numbers
        }
        catch
        {
            image.Dispose();
            throw;
        }
    }

    /// <summary>The size that Pillow's draft mode decodes a JPEG at: its transform may be taken to fewer pixels a block.</summary>
    private static SKSizeI DraftSize(SKCodec codec, ImageInput input)
    {
        const int Smallest = 8; // of a block, one pixel
        bool isTransposed = input.AppliesOrientation && codec.EncodedOrigin >= SKEncodedOrigin.LeftTop; // rows of the file are columns of the upright image
        (int height, int width) = isTransposed ? (input.Width, input.Height) : (input.Height, input.Width);
        int reduction = Math.Clamp(Math.Min(codec.Info.Width / width, codec.Info.Height / height), 1, Smallest);
        return codec.GetScaledDimensions(1f / (1 << BitOperations.Log2((uint)reduction)));
    }

    private static SKCodecResult GetPixels(SKCodec codec, SKImageInfo info, PixelBuffer image)
    {
        if (codec.EncodedFormat != SKEncodedImageFormat.Jpeg)
            image.Pixels.Clear(); // a picture may leave some of its canvas alone
        GCHandle pixels = image.Pin();
        try
        {
            return codec.GetPixels(info, pixels.AddrOfPinnedObject(), image.Width * image.Step, SKCodecOptions.Default);
        }
        finally
        {
            pixels.Free();
        }
    }

    private static PixelBuffer Upright(PixelBuffer image, int orientation)
    {
        if (orientation is < 2 or > 8)
            return image;
        using (image)
            return PixelBuffer.Of(image.ToImage().Upright(orientation));
    }

    internal static void CheckSize(long width, long height, string name)
    {
        if (width < 1 || height < 1 || width * height > MaxPixels)
            throw new GraftException($"{name}: its header says {width} x {height} pixels; 1 to {MaxPixels} are read. The file is damaged, or make the image smaller.");
    }

    /// <summary>Refuses a PNG or JPEG whose header says more pixels than its bytes can hold, before there is room made for them.</summary>
    /// <remarks>Deflate gains 1032 at most (zlib's technical details), and a pixel of PNG has a bit at least; a block of 8 x 8 pixels of JPEG has a bit at least, its DC difference (ITU T.81, annex G).</remarks>
    internal static void CheckClaim(byte[] bytes, long width, long height, string name)
    {
        const long PngPixelsAByte = 1032 * 8, JpegPixelsAByte = 64 * 8, BlockEdge = 8;
        bool isPng = bytes[0] == 0x89, isJpeg = bytes[0] == 0xFF;
        (long claimed, long most) = isJpeg ? (width / BlockEdge * BlockEdge * (height / BlockEdge * BlockEdge), bytes.Length * JpegPixelsAByte) : (width * height, bytes.Length * PngPixelsAByte);
        if ((isPng || isJpeg) && claimed > most)
            throw new GraftException($"{name}: its header says {width} x {height} pixels, which its {bytes.Length} bytes cannot hold; the file is truncated or damaged.");
    }

    private static ReadOnlySpan<byte> EndOfImage => [0xFF, 0xD9];

    // The decoder can paint missing rows gray and report success, so the end marker FF D9 is looked for. Segments are stepped
    // over by their lengths: a thumbnail inside one has an end marker of its own. Bytes may follow the end.
    private static bool EndsAsJpeg(ReadOnlySpan<byte> bytes)
    {
        for (int at = 2; at + 1 < bytes.Length;)
        {
            byte marker = bytes[at + 1];
            if (bytes[at] != 0xFF)
            {
                int coded = bytes[at..].IndexOf((byte)0xFF); // coded data
                if (coded < 0)
                    return false;
                at += coded;
            }
            else if (marker == 0xFF)
                at++; // fill before a marker
            else if (marker == EndOfImage[1])
                return true;
            else if (marker is 0x00 or 0x01 or (>= 0xD0 and <= 0xD7))
                at += 2; // an FF of the coded data, or a marker without a length
            else if (marker == StartOfScan && bytes.EndsWith(EndOfImage))
                return true; // most files: their coded data need not be searched
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
