using Graft.Training;
using Xunit;

namespace Graft.Tests.Training;

public sealed class PreprocessingTests
{
    [Fact]
    public void A_mean_image_is_taken_pixel_by_pixel_for_each_image_of_a_batch()
    {
        Preprocessing p = Preprocessing.None with { ReverseChannels = true, MeanImage = new MeanImage(1, 2, [1, 2, 3, 4, 5, 6]) };
        var y = new float[12];
        p.Apply([10, 20, 30, 40, 50, 60, 11, 21, 31, 41, 51, 61], new Shape(2, 1, 2, 3), y);
        Assert.Equal([29, 18, 7, 56, 45, 34, 30, 19, 8, 57, 46, 35], y);
    }

    [Fact]
    public void A_mean_image_is_refused_for_another_size_even_of_as_many_pixels()
    {
        Preprocessing p = Preprocessing.None with { MeanImage = new MeanImage(2, 3, new float[18]) };
        string message = Assert.Throws<ShapeException>(() => p.Apply(new float[18], new Shape(3, 2, 3), new float[18])).Message;
        Assert.Contains("[2,3,3]", message, StringComparison.Ordinal);
        Assert.Contains("[3,2,3]", message, StringComparison.Ordinal);
        Assert.Contains("For", message, StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => new MeanImage(2, 3, new float[17]));
    }

    [Fact]
    public void A_mean_image_is_brought_to_the_size_of_the_input()
    {
        Preprocessing p = Preprocessing.None with { MeanImage = new MeanImage(1, 2, [0, 0, 0, 4, 8, 12]) };
        MeanImage wide = p.For(new ImageInput(2, 4)).MeanImage!;
        // pixel centres of 4 columns lie at -0.25, 0.25, 0.75 and 1.25 of 2
        float[] row = [0, 0, 0, 1, 2, 3, 3, 6, 9, 4, 8, 12];
        Assert.Equal([.. row, .. row], wide.Values.ToArray());
        Assert.Same(p.MeanImage, p.For(new ImageInput(1, 2)).MeanImage);
    }

    [Fact]
    public void One_channel_is_taken_where_the_channels_are_treated_alike()
    {
        var y = new float[2];
        Preprocessing.Tf.Apply([0, 255], new Shape(1, 2, 1), y);
        Assert.Equal([-1, 1], y);
        Assert.Contains("[H,W,3]", Assert.Throws<ShapeException>(() => Preprocessing.Caffe.Apply([0, 255], new Shape(1, 2, 1), new float[2])).Message, StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => Preprocessing.None.Apply(new float[6], new Shape(1, 2, 3), new float[5]));
    }

    [Fact]
    public void Bytes_become_the_very_numbers_that_floats_become()
    {
        byte[] bytes = [.. Enumerable.Range(0, 768).Select(i => (byte)(i / 3 + 85 * (i % 3)))]; // every value in every channel
        Preprocessing meanImage = Preprocessing.Caffe with { MeanImage = new MeanImage(16, 16, [.. Enumerable.Range(0, 768).Select(i => i / 7f)]) };
        foreach (Preprocessing p in new[] { Preprocessing.None, Preprocessing.Rescale, Preprocessing.Caffe, Preprocessing.Tf, Preprocessing.Torch, meanImage })
        {
            float[] fromFloats = new float[768], fromBytes = new float[768];
            var shape = new Shape(16, 16, 3);
            p.Apply(Array.ConvertAll(bytes, b => (float)b), shape, fromFloats);
            p.ApplyToBytes(bytes, shape, fromBytes);
            Assert.Equal(fromFloats, fromBytes);
        }
        Assert.Throws<ShapeException>(() => Preprocessing.None.ApplyToBytes(new byte[6], new Shape(1, 2, 3), new float[5]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Bytes_of_any_number_of_channels_and_columns_do_too(int channels)
    {
        float[] mean = [.. Enumerable.Range(0, channels).Select(c => 10f * c)], std = [.. Enumerable.Range(1, channels).Select(c => c / 3f)];
        for (int columns = 1; columns <= 40; columns++)
        {
            byte[] bytes = [.. Enumerable.Range(0, columns * channels).Select(i => (byte)(37 * i))];
            var shape = new Shape(1, columns, channels);
            foreach (bool reverses in new[] { false, true })
            {
                foreach (var p in new[] { new Preprocessing("each", reverses, 0.5f, mean, std), new Preprocessing("alike", reverses, 0.5f, [3], [1]) })
                {
                    float[] fromFloats = new float[bytes.Length], fromBytes = new float[bytes.Length];
                    p.Apply(Array.ConvertAll(bytes, b => (float)b), shape, fromFloats);
                    p.ApplyToBytes(bytes, shape, fromBytes);
                    Assert.Equal(fromFloats, fromBytes);
                }
            }
        }
    }
}
