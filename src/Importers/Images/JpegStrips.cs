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
    private const int Rows = 16; // of two by two colour samples, the decoder makes as many at a time

    /// <summary>Whether rows can be resampled one after the other, and need to be.</summary>
    public static bool Serve(SKCodec codec, SKImageInfo info, ImageInput input) => FourRows.IsSupported && input.ColorMode == ColorMode.Rgb && input.Resize != ResizeFilter.Nearest
        && input.Width != info.Width && !(input.AppliesOrientation && codec.EncodedOrigin != SKEncodedOrigin.TopLeft);

    /// <summary>The rows of a JPEG, resampled to another width.</summary>
    /// <returns>Null where the decoder does not deliver all rows: decoding it as a whole tells why.</returns>
    public static PixelBuffer? Decode(SKCodec codec, SKImageInfo info, ImageInput input)
    {
        if (codec.StartScanlineDecode(info) is not SKCodecResult.Success)
            return null;
        var taps = ResizeTaps.Of(info.Width, input.Width, input.Resize);
        using var strip = new PixelBuffer(Rows, info.Width, FourRows.Step);
        var image = new PixelBuffer(info.Height, input.Width, FourRows.Step);
        GCHandle pixels = strip.Pin();
        try
        {
            for (int y = 0; y < info.Height; y += Rows)
            {
                int rows = Math.Min(Rows, info.Height - y);
                if (codec.GetScanlines(pixels.AddrOfPinnedObject(), rows, info.RowBytes) < rows)
                {
                    image.Dispose();
                    return null;
                }
                FourRows.Across(strip, rows, image, y, taps);
            }
        }
        finally
        {
            pixels.Free();
        }
        return image;
    }
}
