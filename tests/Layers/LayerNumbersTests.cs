using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;
using Graft.Tests.Ops;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>Layers on numbers that were worked out by hand from Keras's definitions.</summary>
public sealed class LayerNumbersTests
{
    [Theory]
    [InlineData(Activation.HardSigmoid, new[] { 0f, 1 / 6f, 0.5f, 0.75f, 1 })]
    [InlineData(Activation.HardSigmoidKeras2, new[] { 0f, 0.1f, 0.5f, 0.8f, 1 })]
    [InlineData(Activation.SparseSigmoid, new[] { 0f, 0, 0.5f, 1, 1 })]
    [InlineData(Activation.HardSiLU, new[] { 0f, -1 / 3f, 0, 1.125f, 4 })]
    [InlineData(Activation.HardTanh, new[] { -1f, -1, 0, 1, 1 })]
    [InlineData(Activation.SoftShrink, new[] { -3.5f, -1.5f, 0, 1, 3.5f })]
    [InlineData(Activation.HardShrink, new[] { -4f, -2, 0, 1.5f, 4 })]
    [InlineData(Activation.SparsePlus, new[] { 0f, 0, 0.25f, 1.5f, 4 })]
    [InlineData(Activation.SquarePlus, new[] { 0.23606798f, 0.41421356f, 1, 2, 4.236068f })]
    [InlineData(Activation.TanhShrink, new[] { -3.0006707f, -1.0359724f, 0, 0.59485173f, 3.0006707f })]
    [InlineData(Activation.LogSigmoid, new[] { -4.01815f, -2.126928f, -0.6931472f, -0.20141327f, -0.01814993f })]
    [InlineData(Activation.CELU, new[] { -0.98168436f, -0.86466472f, 0, 1.5f, 4 })]
    public void Activations_have_the_values_of_their_definitions(Activation activation, float[] expected)
    {
        float[] y = Run(new ActivationLayer(activation), [5], [-4, -2, 0, 1.5f, 4]);
        Assert.True(OpHarness.Difference(expected, y) <= 1e-6, string.Join(' ', y));
    }

    [Fact]
    public void Sparsemax_keeps_the_largest_numbers_and_their_sum_is_one()
    {
        Assert.Equal([0.75f, 0.25f, 0, 1, 0, 0], Run(new ActivationLayer(Activation.Sparsemax), [3], [1, 0.5f, -1, 3, 1, 2], batch: 2));
        Assert.Equal([0.5f, 0.25f, 0.25f], Run(new ActivationLayer(Activation.Sparsemax), [3], [0.5f, 0.25f, 0.25f]));
    }

    [Fact]
    public void A_gated_linear_unit_halves_the_channels() =>
        Assert.Equal([1f, 0.5f * 2], Run(new ActivationLayer(Activation.GLU), [4], [2, 2, 0, 0]));

    [Fact]
    public void Pooling_of_volumes_takes_boxes()
    {
        float[] x = [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 9, 0]; // 3 slices of 2 x 2
        Assert.Equal([8f], Run(new MaxPooling3D(), [3, 2, 2, 1], x));
        Assert.Equal([4.5f], Run(new AveragePooling3D(), [3, 2, 2, 1], x));
        Assert.Equal([4.5f, 2.25f], Run(new AveragePooling3D { Padding = Padding.Same }, [3, 2, 2, 1], x)); // what is outside does not count
        Assert.Equal([8f, 9], Run(new MaxPooling3D(2, 1), [3, 2, 2, 1], x));
    }

    [Fact]
    public void Pooling_of_sequences_takes_windows()
    {
        Assert.Equal([3f, 5], Run(new MaxPooling1D(), [5, 1], [1, 3, 5, 4, 7]));
        Assert.Equal([2f, 4.5f, 7], Run(new AveragePooling1D { Padding = Padding.Same }, [5, 1], [1, 3, 5, 4, 7]));
        Assert.Equal([4f], Run(new GlobalAveragePooling1D(), [5, 1], [1, 3, 5, 4, 7]));
        Assert.Equal([7f], Run(new GlobalMaxPooling1D(), [5, 1], [1, 3, 5, 4, 7]));
    }

    [Fact]
    public void Sequences_are_lengthened_cut_and_repeated()
    {
        Assert.Equal([0f, 1, 2, 0, 0], Run(new ZeroPadding1D(1, 2), [2, 1], [1, 2]));
        Assert.Equal([2f], Run(new Cropping1D(1, 2), [4, 1], [1, 2, 3, 4]));
        Assert.Equal([1f, 2, 1, 2, 3, 4, 3, 4], Run(new UpSampling1D(2), [2, 2], [1, 2, 3, 4]));
        Assert.Equal([1f, 2, 1, 2, 1, 2], Run(new RepeatVector(3), [2], [1, 2]));
    }

    [Fact]
    public void Volumes_are_padded_cut_and_enlarged()
    {
        Assert.Equal([0f, 0, 0, 0, 5, 0], Run(new ZeroPadding3D(new Padding3D(1, 0, new Padding2D(0, 0, 1, 1))), [1, 1, 1, 1], [5]));
        Assert.Equal([5f], Run(new Cropping3D(Padding3D.All(1)), [3, 3, 3, 1], Run(new ZeroPadding3D(Padding3D.All(1)), [1, 1, 1, 1], [5])));
        Assert.Equal([6f, 8], Run(new Cropping3D(new Padding3D(1, 0, new Padding2D(0, 0, 1, 0))), [2, 2, 2, 1], [1, 2, 3, 4, 5, 6, 7, 8]));
        Assert.Equal([1f, 2, 1, 2, 1, 2, 1, 2], Run(new UpSampling3D(2, 2, 1), [1, 1, 2, 1], [1, 2]));
    }

    [Fact]
    public void Joins_broadcast_behind_the_batch_axis()
    {
        Assert.Equal([11f, 22, 13, 24], Join(new Add(), [2, 2], [1, 2, 3, 4], [2], [10, 20]));
        Assert.Equal([10f, 40, 30, 80], Join(new Multiply(), [2, 2], [1, 2, 3, 4], [1, 2], [10, 20]));
        Assert.Equal([-9f, -18], Join(new Subtract(), [2], [1, 2], [2], [10, 20]));
        Assert.Equal([5.5f, 11], Join(new Average(), [2], [1, 2], [2], [10, 20]));
        Assert.Equal([1f, 30], Join(new Maximum(), [2], [1, 30], [2], [-1, 20]));
        Assert.Equal([-1f, 20], Join(new Minimum(), [2], [1, 30], [2], [-1, 20]));
        Assert.Contains("do not broadcast", Assert.Throws<ShapeException>(() => Join(new Add(), [3], [1, 2, 3], [2], [1, 2])).Message);
    }

    [Fact]
    public void Dot_sums_over_an_axis_of_each_input()
    {
        Assert.Equal([11f], Join(new Dot(1, 1), [2], [1, 2], [2], [3, 4]));
        Assert.Equal([17f, 39], Join(new Dot(-1, 1), [2, 2], [1, 2, 3, 4], [2], [5, 6]));
        Assert.Equal([1f * 5 + 3 * 7, 1 * 6 + 3 * 8, 2 * 5 + 4 * 7, 2 * 6 + 4 * 8], Join(new Dot(1, 1), [2, 2], [1, 2, 3, 4], [2, 2], [5, 6, 7, 8])); // a' b
        Assert.True(OpHarness.Difference(new float[] { 0.96f }, Join(new Dot(1, 1) { Normalize = true }, [2], [3, 4], [2], [8, 6])) <= 1e-6);
        Assert.Contains("must be equal", Assert.Throws<ShapeException>(() => Join(new Dot(1, 1), [3], [1, 2, 3], [2], [1, 2])).Message);
    }

    [Fact]
    public void Rescaling_and_Normalization_are_linear()
    {
        Assert.Equal([-1f, 0, 1], Run(new Rescaling(1 / 128f, -1), [3], [0, 128, 256]));
        Assert.Equal([2f, 7, 4, 13], Run(new Rescaling([1, 3], [1, -2]), [2, 2], [1, 3, 3, 5]));
        Assert.Equal([0f, 0.5f], Run(new Normalization { Mean = [1, 2], Variance = [1, 16] }, [2], [1, 4]));
        Assert.Equal([1f, 10], Run(new Normalization { Mean = [1, 2], Variance = [1, 16], Invert = true }, [2], [0, 2]));
        Node x = Node.Input(new Shape(2));
        var layer = new Normalization();
        var model = new Model(x, layer.Apply(x));
        Assert.Equal(["mean", "variance", "count"], layer.Parameters.Select(p => p.Name));
        layer.Parameters[0].Set([1, 2]);
        layer.Parameters[1].Set([4, 0]); // no variance: divided by 1e-7
        Assert.Equal([[1f, 0]], model.Predict([3, 2], new Shape(1, 2)));
        model.Release();
    }

    [Fact]
    public void Resizing_has_centres_at_halves()
    {
        Assert.Equal([0f, 1, 3, 4], Run(new Resizing(1, 4), [1, 2, 1], [0, 4]));
        Assert.Equal([1f, 3], Run(new Resizing(1, 2) { Interpolation = ResizeInterpolation.Nearest }, [1, 4, 1], [0, 1, 2, 3]));
        Assert.Equal([1f, 4], Run(new Resizing(1, 2) { Interpolation = ResizeInterpolation.Area }, [1, 4, 1], [0, 2, 3, 5]));
        Assert.Equal([2f], Run(new Resizing(1, 1) { CropToAspectRatio = true }, [1, 3, 1], [1, 2, 9]));
        Assert.Equal([7f, 1, 7], Run(new Resizing(3, 1) { PadToAspectRatio = true, FillValue = 7 }, [1, 1, 1], [1]));
    }

    [Theory]
    [InlineData(ResizeInterpolation.Bicubic)]
    [InlineData(ResizeInterpolation.Lanczos3)]
    [InlineData(ResizeInterpolation.Lanczos5)]
    [InlineData(ResizeInterpolation.MitchellCubic)]
    [InlineData(ResizeInterpolation.Gaussian)]
    [InlineData(ResizeInterpolation.Bilinear)]
    public void Every_interpolation_leaves_a_flat_image_flat_and_a_symmetric_one_symmetric(ResizeInterpolation interpolation)
    {
        float[] flat = Run(new Resizing(5, 3) { Interpolation = interpolation }, [4, 7, 1], [.. Enumerable.Repeat(3f, 28)]);
        Assert.All(flat, v => Assert.Equal(3, v, 5));
        float[] row = Run(new Resizing(1, 5) { Interpolation = interpolation }, [1, 7, 1], [1, 4, 2, 8, 2, 4, 1]);
        Assert.Equal(row[0], row[4], 5);
        Assert.Equal(row[1], row[3], 5);
    }

    [Fact]
    public void The_cubic_interpolates_between_pixels_as_Keys_has_it()
    {
        // Halfway between pixels: (-1, 9, 9, -1) / 16.
        float[] y = Run(new Resizing(1, 2) { Interpolation = ResizeInterpolation.Bicubic }, [1, 4, 1], [1, 2, 4, 8]);
        Assert.Equal((9 * 1 + 9 * 2 - 4) / 17f, y[0], 5); // the pixel before the first is left out
        Assert.Equal((-2 + 9 * 4 + 9 * 8) / 17f, y[1], 5); // and that behind the last
    }

    [Fact]
    public void A_crop_of_the_centre_rounds_towards_the_beginning() =>
        Assert.Equal([2f, 3], Run(new CenterCrop(1, 2), [1, 5, 1], [1, 2, 3, 4, 5]));

    [Fact]
    public void Unit_normalization_gives_length_one() =>
        Assert.True(OpHarness.Difference(new float[] { 0.6f, 0.8f, 0, 0 }, Run(new UnitNormalization(), [2], [3, 4, 0, 0], batch: 2)) <= 1e-6);

    [Fact]
    public void Softmax_over_two_axes_sums_to_one_over_both() => Assert.Equal([0.25f, 0.25f, 0.25f, 0.25f], Run(new Softmax(1, 2), [2, 2], [7, 7, 7, 7]));

    internal static float[] Run(Layer layer, int[] input, float[] x, int batch = 1)
    {
        Node node = Node.Input(new Shape(input));
        var model = new Model(node, layer.Apply(node));
        using var tape = new Tape(Device.Cpu);
        float[] y = model.Forward(tape, [tape.Constant(new Shape(input).Prepend(batch), x)]).ToArray();
        model.Release();
        return y;
    }

    private static float[] Join(Layer layer, int[] a, float[] x, int[] b, float[] z)
    {
        Node first = Node.Input(new Shape(a)), second = Node.Input(new Shape(b));
        var model = new Model([first, second], [layer.Apply(first, second)]);
        using var tape = new Tape(Device.Cpu);
        Tensor y = model.Run(tape, [tape.Constant(new Shape(a).Prepend(1), x), tape.Constant(new Shape(b).Prepend(1), z)])[0];
        Assert.Equal(model.Outputs[0].Shape.Prepend(1), y.Shape);
        return y.ToArray();
    }
}
