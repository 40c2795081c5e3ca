using Graft.Importers.Images;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Importers.Images;

/// <summary>Resizing against the two passes in plain loops, for sizes at which vectors end in the middle of a row.</summary>
public sealed class ImageResizeTests
{
    public static TheoryData<ResizeFilter> Filters => [.. Enum.GetValues<ResizeFilter>()];

    [Theory]
    [MemberData(nameof(Filters))]
    public void Every_size_and_channel_count_equals_plain_loops(ResizeFilter filter)
    {
        (int Height, int Width)[] sizes = [(1, 1), (1, 7), (3, 2), (5, 5), (16, 11), (33, 50), (90, 61)];
        int seed = 0;
        foreach ((int height, int width) in sizes)
        {
            foreach ((int toHeight, int toWidth) in sizes)
            {
                foreach (int channels in new[] { 1, 3 })
                {
                    var pixels = new byte[height * width * channels];
                    new Random(seed++).NextBytes(pixels);
                    PixelImage actual = ImageResize.Run(new PixelImage(height, width, channels, pixels), toHeight, toWidth, filter);
                    Assert.Equal((toHeight, toWidth, channels), (actual.Height, actual.Width, actual.Channels));
                    Assert.Equal(Plain(pixels, height, width, channels, toHeight, toWidth, filter), actual.Pixels);
                }
            }
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(20)]
    public void A_picture_made_hundreds_of_times_smaller_takes_all_of_its_pixels(int rows)
    {
        byte[] pixels = [.. Enumerable.Range(0, 3 * rows * 700).Select(i => (byte)(i % 3 == 0 ? 200 : 10))];
        PixelImage small = ImageResize.Run(new PixelImage(rows, 700, 3, pixels), 1, 1, ResizeFilter.Lanczos);
        Assert.Equal([200, 10, 10], small.Pixels);
    }

    private static byte[] Plain(byte[] pixels, int height, int width, int channels, int toHeight, int toWidth, ResizeFilter filter)
    {
        if (filter == ResizeFilter.Nearest)
            return [.. from y in Places(height, toHeight) from x in Places(width, toWidth) from c in Enumerable.Range(0, channels) select pixels[(y * width + x) * channels + c]];
        byte[] wide = width == toWidth ? pixels : Pass(pixels, height, width, channels, toWidth, filter);
        if (height == toHeight)
            return wide;
        byte[] turned = Pass(Turn(wide, height, toWidth, channels), toWidth, height, channels, toHeight, filter);
        return Turn(turned, toWidth, toHeight, channels);
    }

    private static IEnumerable<int> Places(int from, int to)
    {
        double at = (double)from / to * 0.5;
        for (int i = 0; i < to; i++, at += (double)from / to)
            yield return Math.Min(from - 1, (int)at);
    }

    private static byte[] Turn(byte[] pixels, int height, int width, int channels) =>
        [.. from x in Enumerable.Range(0, width) from y in Enumerable.Range(0, height) from c in Enumerable.Range(0, channels) select pixels[(y * width + x) * channels + c]];

    private static byte[] Pass(byte[] pixels, int height, int width, int channels, int to, ResizeFilter filter)
    {
        var taps = new ResizeTaps(width, to, filter);
        var result = new byte[height * to * channels];
        for (int i = 0; i < result.Length; i++)
        {
            int y = i / channels / to, x = i / channels % to, c = i % channels;
            long sum = 1 << (ResizeTaps.Precision - 1);
            ReadOnlySpan<int> weights = taps.WeightsOf(x);
            for (int t = 0; t < weights.Length; t++)
                sum += (long)pixels[(y * width + taps.First[x] + t) * channels + c] * weights[t];
            result[i] = (byte)Math.Clamp(sum >> ResizeTaps.Precision, 0, 255);
        }
        return result;
    }
}
