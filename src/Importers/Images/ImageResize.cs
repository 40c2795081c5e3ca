using Graft.Training;

namespace Graft.Importers.Images;

/// <summary>Resizes 8-bit images as Pillow does: two passes in fixed point, the filter widened when shrinking.</summary>
public static class ImageResize
{
    private const int Precision = 32 - 8 - 2; // Pillow's: 8 bits of result, 2 of headroom for negative lobes

    /// <summary>The image at another size; the image itself where the size agrees.</summary>
    public static PixelImage Run(PixelImage image, int height, int width, ResizeFilter filter)
    {
        if (image.Height == height && image.Width == width)
            return image;
        if (filter == ResizeFilter.Nearest)
            return Nearest(image, height, width);
        int channels = image.Channels;
        byte[] pixels = image.Pixels;
        if (width != image.Width)
            pixels = Pass(pixels, channels, image.Height, image.Width, width, channels, image.Width * channels, width * channels, channels, filter);
        if (height != image.Height)
            pixels = Pass(pixels, channels, width, image.Height, height, width * channels, channels, channels, width * channels, filter);
        return new PixelImage(height, width, channels, pixels);
    }

    private static PixelImage Nearest(PixelImage image, int height, int width)
    {
        int channels = image.Channels;
        var pixels = new byte[height * width * channels];
        int[] rows = Centres(image.Height, height), columns = Centres(image.Width, width);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
                image.Pixels.AsSpan((rows[y] * image.Width + columns[x]) * channels, channels).CopyTo(pixels.AsSpan((y * width + x) * channels, channels));
        }
        return new PixelImage(height, width, channels, pixels);
    }

    /// <summary>The pixel under each centre. The place is summed up step by step, as Pillow does: centres on an edge fall as there.</summary>
    private static int[] Centres(int from, int to)
    {
        var centres = new int[to];
        double step = (double)from / to, at = step * 0.5;
        for (int i = 0; i < to; i++, at += step)
            centres[i] = Math.Min(from - 1, (int)at);
        return centres;
    }

    /// <summary>One direction: lines of pixels at the given steps (in bytes), each resampled from one length to another.</summary>
    private static byte[] Pass(byte[] source, int channels, int lines, int from, int to, int pixelStep, int lineStep, int lineStepOut, int pixelStepOut, ResizeFilter filter)
    {
        (int First, int[] Weights)[] taps = Taps(from, to, filter);
        var result = new byte[lines * to * channels];
        for (int line = 0; line < lines; line++)
        {
            for (int i = 0; i < to; i++)
            {
                (int first, int[] weights) = taps[i];
                for (int c = 0; c < channels; c++)
                {
                    int sum = 1 << (Precision - 1);
                    int at = line * lineStep + first * pixelStep + c;
                    foreach (int weight in weights)
                    {
                        sum += source[at] * weight;
                        at += pixelStep;
                    }
                    result[line * lineStepOut + i * pixelStepOut + c] = (byte)Math.Clamp(sum >> Precision, 0, 255);
                }
            }
        }
        return result;
    }

    private static (int First, int[] Weights)[] Taps(int from, int to, ResizeFilter filter)
    {
        double scale = (double)from / to, stretch = Math.Max(1, scale);
        double support = stretch * filter switch { ResizeFilter.Bilinear => 1, ResizeFilter.Bicubic => 2, _ => 3 };
        var taps = new (int, int[])[to];
        for (int i = 0; i < to; i++)
        {
            double centre = (i + 0.5) * scale;
            int first = Math.Max(0, (int)(centre - support + 0.5)), end = Math.Min(from, (int)(centre + support + 0.5));
            var weights = new double[end - first];
            double sum = 0;
            for (int j = 0; j < weights.Length; j++)
            {
                weights[j] = Weight(filter, (first + j - centre + 0.5) / stretch);
                sum += weights[j];
            }
            taps[i] = (first, Array.ConvertAll(weights, w => (int)Math.Round(w / sum * (1 << Precision), MidpointRounding.AwayFromZero)));
        }
        return taps;
    }

    private static double Weight(ResizeFilter filter, double x)
    {
        x = Math.Abs(x);
        const double A = -0.5;
        return filter switch
        {
            ResizeFilter.Bilinear => Math.Max(0, 1 - x),
            ResizeFilter.Bicubic => x < 1 ? ((A + 2) * x - (A + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0,
            _ => x < 3 ? Sinc(x) * Sinc(x / 3) : 0,
        };
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);
}
