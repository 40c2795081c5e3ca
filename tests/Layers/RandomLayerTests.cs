using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;
using Graft.Tests.Kernels.Cpu;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>Layers that draw random numbers in training: what they draw, that they are the identity otherwise, and that frozen parts draw anew at each step.</summary>
[Collection(CpuThreadsCollection.Name)] // counts the live blocks of the one pool
public sealed class RandomLayerTests
{
    private static readonly float[] s_ones = [.. Enumerable.Repeat(1f, 4000)];

    [Fact]
    public void Spatial_dropout_drops_whole_channels()
    {
        float[] y = Run(new SpatialDropout2D(0.25f), [5, 8, 100], s_ones);
        for (int c = 0; c < 100; c++)
            Assert.Single(Enumerable.Range(0, 40).Select(p => y[p * 100 + c]).Distinct());
        Assert.Equal(new HashSet<float> { 0, 4 / 3f }, y.ToHashSet());
        Assert.InRange(y.Count(v => v == 0) / 4000.0, 0.1, 0.4); // 100 draws: four deviations around a quarter
    }

    [Fact]
    public void A_noise_shape_shares_draws_along_its_axes_of_one()
    {
        float[] y = Run(new Dropout(0.5f) { NoiseShape = [0, 1, 0] }, [40, 100], s_ones);
        for (int c = 0; c < 100; c++)
            Assert.Single(Enumerable.Range(0, 40).Select(t => y[t * 100 + c]).Distinct());
        Assert.Contains("does not fit", Assert.Throws<ShapeException>(() => new Dropout(0.5f) { NoiseShape = [0, 2] }.Apply(Node.Input(new Shape(5)))).Message);
    }

    [Fact]
    public void Alpha_dropout_keeps_mean_and_variance()
    {
        var random = new Random(5);
        float[] x = [.. Enumerable.Range(0, 40000).Select(_ => (float)(random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 2)]; // mean 0, variance 1
        float[] y = Run(new AlphaDropout(0.2f), [40000], x);
        Assert.Equal(0, y.Average(), 0.03); // a deviation of the mean is 1 / 200
        Assert.Equal(1, y.Average(v => v * v), 0.03);
        Assert.InRange(y.GroupBy(v => v).Max(g => g.Count()) / 40000.0, 0.19, 0.21); // the dropped ones have one value
    }

    [Fact]
    public void Gaussian_noise_and_dropout_have_the_deviation_that_was_asked_for()
    {
        foreach ((Layer layer, double mean, double deviation) in new (Layer, double, double)[] { (new GaussianNoise(0.5f), 1, 0.5), (new GaussianDropout(0.2f), 1, 0.5) })
        {
            float[] y = Run(layer, [4000], s_ones);
            Assert.Equal(mean, y.Average(), 0.04); // five deviations of the mean
            Assert.Equal(deviation, Math.Sqrt(y.Average(v => (v - mean) * (v - mean))), 0.03);
            Assert.Equal(0.683, y.Count(v => Math.Abs(v - mean) < deviation) / 4000.0, 0.04); // normal: 68.3 % within one deviation
        }
    }

    [Fact]
    public void Flips_come_out_as_one_of_four_images_and_all_of_them_do()
    {
        float[] images = [.. Enumerable.Repeat(new float[] { 1, 2, 3, 4 }, 64).SelectMany(i => i)];
        float[] y = Run(new RandomFlip(), [2, 2, 1], images, batch: 64);
        string[] seen = [.. y.Chunk(4).Select(i => string.Join(' ', i)).Distinct().Order()];
        Assert.Equal(["1 2 3 4", "2 1 4 3", "3 4 1 2", "4 3 2 1"], seen);
        string[] sideways = [.. Run(new RandomFlip(vertical: false), [2, 2, 1], images, batch: 64).Chunk(4).Select(i => string.Join(' ', i)).Distinct().Order()];
        Assert.Equal(["1 2 3 4", "2 1 4 3"], sideways);
    }

    [Fact]
    public void A_quarter_turn_is_counter_clockwise()
    {
        var layer = new RandomRotation((0.25f, 0.25f)) { Interpolation = ResizeInterpolation.Nearest };
        Assert.Equal([3f, 6, 9, 2, 5, 8, 1, 4, 7], Run(layer, [3, 3, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9]));
    }

    [Theory]
    [InlineData(WarpFill.Constant, new[] { 9f, 9, 1, 2 })]
    [InlineData(WarpFill.Nearest, new[] { 1f, 1, 1, 2 })]
    [InlineData(WarpFill.Reflect, new[] { 2f, 1, 1, 2 })]
    [InlineData(WarpFill.Wrap, new[] { 3f, 4, 1, 2 })]
    public void A_shift_fills_by_its_mode(WarpFill fill, float[] expected) =>
        Assert.Equal(expected, Run(new RandomTranslation((0, 0), (0.5f, 0.5f)) { FillMode = fill, FillValue = 9 }, [1, 4, 1], [1, 2, 3, 4]));

    [Fact]
    public void A_zoom_of_minus_a_half_shows_the_middle_at_twice_the_size() =>
        Assert.Equal([1.75f, 2.25f, 2.75f, 3.25f], Run(new RandomZoom((-0.5f, -0.5f)), [1, 4, 1], [1, 2, 3, 4]));

    [Fact]
    public void Contrast_and_brightness_move_each_image_by_one_number()
    {
        Assert.Equal([1f, 5], Run(new RandomContrast((-1, 1)), [1, 2, 1], [2, 4])); // factor 2
        Assert.Equal([0.6f, 1], Run(new RandomBrightness((0.5f, 0.5f)) { ValueRange = (0, 1) }, [1, 2, 1], [0.1f, 0.7f]));
        float[] y = Run(new RandomBrightness((-0.5f, 0.5f)), [1, 1, 2], [.. Enumerable.Repeat(127f, 32)], batch: 16);
        Assert.Equal(16, y.Chunk(2).Select(i => i[0]).Distinct().Count());
        Assert.All(y.Chunk(2), i => Assert.Equal(i[0], i[1]));
    }

    [Fact]
    public void A_random_crop_is_a_window_of_the_image()
    {
        float[] y = Run(new RandomCrop(2, 2), [4, 4, 1], [.. Enumerable.Range(0, 16).Select(i => (float)i)]);
        Assert.Equal([y[0], y[0] + 1, y[0] + 4, y[0] + 5], y);
    }

    [Fact]
    public void In_inference_they_are_the_identity()
    {
        Layer[] layers =
        [
            new SpatialDropout2D(0.5f), new AlphaDropout(0.5f), new GaussianDropout(0.5f), new GaussianNoise(1), new RandomFlip(), new RandomRotation((-1, 1)),
            new RandomTranslation((-1, 1), (-1, 1)), new RandomZoom((-0.5f, 0.5f)), new RandomContrast((0.5f, 0.5f)), new RandomBrightness((-1, 1)), new ActivityRegularization(1, 1),
        ];
        var model = new Sequential(2, 3, 2);
        foreach (Layer layer in layers)
            model.Add(layer);
        float[] x = [.. Enumerable.Range(0, 12).Select(i => i * 0.5f)];
        Assert.Equal(x, model.Predict(x, new Shape(1, 2, 3, 2))[0]);
        model.Release();
    }

    [Fact]
    public void Draws_of_a_layer_before_a_frozen_base_differ_from_step_to_step()
    {
        var model = new Sequential(4, 4, 1)
        {
            new RandomBrightness((-0.5f, 0.5f)) { ValueRange = (-10, 10) }, new GaussianNoise(0.5f), new Conv2D(2, 1, 1) { Trainable = false, Name = "base" },
            new Flatten(), new Dense(1) { Name = "head" },
        };
        model.Compile(new Sgd(1e-20f), Loss.MeanSquaredError());
        var data = new ArrayBatches(new float[32], new Shape(4, 4, 1), [1f, 1f], new Shape(1), LabelKind.Values, batchSize: 2);
        History history = model.Fit(data, 3);
        Assert.Equal(3, history["loss"].Distinct().Count()); // nothing is learned: what differs is drawn
        model.Release();
    }

    [Fact]
    public void Activities_cost_what_their_size_is_by_the_batch_and_the_gradient_follows()
    {
        var model = new Sequential(1) { new Dense(1) { Name = "d", UseBias = false }, new ActivityRegularization(l2: 0.5f) };
        model.Parameters[0].Set([2]);
        model.Compile(new Sgd(0.01f), Loss.MeanSquaredError());
        var data = new ArrayBatches([3f, 1], new Shape(1), [0f, 0], new Shape(1), LabelKind.Values, batchSize: 2);
        // y = (3 w, w): the mean of squares is 5 w², and the activities cost 0.5 · 10 w² / 2.
        Assert.Equal(20 + 10, model.Fit(data, 1).Last("loss"), 1e-5);
        Assert.Equal(2 - 0.01 * 15 * 2, model.Parameters[0].Value.ToArray()[0], 1e-5);
        model.Release();
    }

    private static float[] Run(Layer layer, int[] input, float[] x, int batch = 1)
    {
        Node node = Node.Input(new Shape(input));
        var model = new Model(node, layer.Apply(node));
        using var tape = new Tape(Device.Cpu) { Training = true, Seed = 3 };
        float[] y = model.Forward(tape, [tape.Constant(new Shape(input).Prepend(batch), x)]).ToArray();
        model.Release();
        return y;
    }
}
