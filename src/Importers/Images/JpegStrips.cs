using System.Runtime.InteropServices;
using Graft.Training;
using SkiaSharp;

namespace Graft.Importers.Images;

/// <summary>
/// Decodes a JPEG a few rows at a time and resamples them across while they are in the cache: the photograph, of which a small image is made, is never in memory as a whole.
/// The pixels are those of decoding it first.
/// </summary>
internal static class JpegStrips
{
    /// <summary>Whether rows can be resampled one after the other, and need to be.</summary>
    public static bool Serve(SKCodec codec, SKImageInfo info, ImageInput input) => SixteenRows.IsSupported && input.ColorMode == ColorMode.Rgb && input.Resize != ResizeFilter.Nearest
        && input.Width != info.Width && !(input.AppliesOrientation && codec.EncodedOrigin != SKEncodedOrigin.TopLeft);

    /// <summary>The rows of a JPEG, resampled to another width.</summary>
    /// <returns>Null where the decoder does not deliver all rows: decoding it as a whole tells why.</returns>
    public static PixelBuffer? Decode(SKCodec codec, SKImageInfo info, ImageInput input)
    {
        const int Bytes = 4, Channels = 3; // of a pixel as it comes, and as it goes
        if (codec.StartScanlineDecode(info) is not SKCodecResult.Success)
            return null;
        var taps = ResizeTaps.Of(info.Width, input.Width, input.Resize);
        using PixelBuffer strip = new(SixteenRows.Count, info.Width, Bytes), last = new(SixteenRows.Count, input.Width, Channels);
        var image = new PixelBuffer(info.Height, input.Width, Channels);
        GCHandle pixels = strip.Pin();
        try
        {
            for (int y = 0; y < info.Height; y += SixteenRows.Count)
            {
                int rows = Math.Min(SixteenRows.Count, info.Height - y); // where colours are two by two, the decoder makes sixteen at a time
                if (codec.GetScanlines(pixels.AddrOfPinnedObject(), rows, info.RowBytes) < rows)
                {
                    image.Dispose();
                    return null;
                }
                if (rows == SixteenRows.Count)
                {
                    SixteenRows.Across(strip, 0, image, y, taps);
                    continue;
                }
                SixteenRows.Across(strip, 0, last, 0, taps);
                int line = input.Width * Channels;
                last.Pixels[..(rows * line)].CopyTo(image.Pixels[(y * line)..]);
            }
        }
        finally
        {
            pixels.Free();
        }
        return image;
    }
}
