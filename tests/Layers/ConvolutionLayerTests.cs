using Graft.Autograd;
using Graft.Layers;
using Graft.Tests.Ops;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>Convolutions over sequences and volumes against their definition, and locally connected layers against convolutions.</summary>
public sealed class ConvolutionLayerTests
{
    private const double Tolerance = 1e-5; // sums of up to some tens of products in float

    [Fact]
    public void A_convolution_over_volumes_is_what_its_definition_says()
    {
        var layer = new Conv3D(4, 3, 2, 3) { Strides = (2, 1, 2), Dilation = (1, 2, 1), Padding = Padding.Same, Groups = 2, UseBias = false };
        // Same: depth 5 by 3, stride 2 -> 3 windows, 2 zeros; height 4 by a dilated 3 -> 4, 2; width 6 by 3, stride 2 -> 3, 1 behind.
        var naive = new NaiveConvolution([2, 5, 4, 6, 6], [4, 3, 2, 3, 3], [2, 1, 2], [1, 2, 1], [1, 1, 0], [3, 4, 3], Groups: 2);
        Check(layer, new Shape(5, 4, 6, 6), new Shape(3, 4, 3, 4), naive.Forward);
    }

    [Fact]
    public void A_valid_convolution_over_volumes_stays_inside() => Check(
        new Conv3D(3, 2, 3, 2) { UseBias = false }, new Shape(3, 5, 4, 2), new Shape(2, 3, 3, 3),
        new NaiveConvolution([2, 3, 5, 4, 2], [3, 2, 3, 2, 2], [1, 1, 1], [1, 1, 1], [0, 0, 0], [2, 3, 3]).Forward);

    [Fact]
    public void A_causal_convolution_sees_no_later_position()
    {
        var layer = new Conv1D(4, 3) { Dilation = 2, Padding = Padding.Causal, UseBias = false };
        var naive = new NaiveConvolution([2, 1, 1, 9, 3], [4, 1, 1, 3, 3], [1, 1, 1], [1, 1, 2], [0, 0, 4], [1, 1, 9]);
        Check(layer, new Shape(9, 3), new Shape(9, 4), naive.Forward);
    }

    [Theory]
    [InlineData(Padding.Valid, 3, 2, null, 11)] // (5 - 1) 2 + 3
    [InlineData(Padding.Valid, 2, 3, null, 15)] // filters that do not reach each other: at least stride times the input
    [InlineData(Padding.Valid, 3, 2, 1, 12)]
    [InlineData(Padding.Same, 3, 2, null, 10)]
    [InlineData(Padding.Same, 3, 2, 0, 9)] // (5 - 1) 2 + 1
    public void A_transposed_convolution_over_sequences_is_the_adjoint(Padding padding, int filter, int stride, int? extra, int extent)
    {
        var layer = new Conv1DTranspose(2, filter) { Strides = stride, Padding = padding, OutputPadding = extra, UseBias = false };
        int front = padding == Padding.Valid ? 0 : Math.Max(0, (5 - 1) * stride + filter - extent) / 2;
        var naive = new NaiveConvolution([2, 1, 1, extent, 2], [3, 1, 1, filter, 2], [1, 1, stride], [1, 1, 1], [0, 0, front], [1, 1, 5]);
        Check(layer, new Shape(5, 3), new Shape(extent, 2), naive.Transposed);
    }

    [Fact]
    public void A_transposed_convolution_over_volumes_is_the_adjoint() => Check(
        new Conv3DTranspose(2, 3, 3, 3) { Strides = (2, 1, 2), Padding = Padding.Same, UseBias = false }, new Shape(2, 3, 4, 3), new Shape(4, 3, 8, 2),
        // The convolution that leads back has a row of zeros on both sides, but depth and width have one behind alone.
        new NaiveConvolution([2, 4, 3, 8, 2], [3, 3, 3, 3, 2], [2, 1, 2], [1, 1, 1], [0, 1, 0], [2, 3, 4]).Transposed);

    [Fact]
    public void A_depthwise_convolution_over_sequences_is_one_of_as_many_groups_as_channels()
    {
        var layer = new DepthwiseConv1D(3) { Strides = 2, Padding = Padding.Same, UseBias = false };
        var naive = new NaiveConvolution([2, 1, 1, 7, 3], [3, 1, 1, 3, 1], [1, 1, 2], [1, 1, 1], [0, 0, 1], [1, 1, 4], Groups: 3);
        Check(layer, new Shape(7, 3), new Shape(4, 3), (x, w) => naive.Forward(x, [.. Enumerable.Range(0, 9).Select(i => w[i % 3 * 3 + i / 3])])); // [S,C] to [C,S]
    }

    [Fact]
    public void A_separable_convolution_over_sequences_is_a_depthwise_one_and_a_product()
    {
        Node x = Node.Input(new Shape(7, 3));
        var separable = new SeparableConv1D(4, 3) { DepthMultiplier = 2, UseBias = false };
        var both = new Model(x, separable.Apply(x));
        var depthwise = new DepthwiseConv1D(3) { DepthMultiplier = 2, UseBias = false };
        var pointwise = new Conv1D(4, 1) { UseBias = false };
        var chain = new Model(x, pointwise.Apply(depthwise.Apply(x)));
        depthwise.Parameters[0].Set(separable.Parameters[0].Value.ToArray());
        pointwise.Parameters[0].Set(separable.Parameters[1].Value.ToArray());
        float[] samples = OpHarness.Random(42, seed: 3);
        Assert.Equal(Run(chain, samples, 2), Run(both, samples, 2));
        both.Release();
        chain.Release();
    }

    [Fact]
    public void Locally_connected_with_the_same_weights_at_every_place_is_a_convolution()
    {
        Node x = Node.Input(new Shape(5, 6, 3));
        var local = new LocallyConnected2D(4, 2, 3) { Strides = (1, 2), UseBias = false };
        var conv = new Conv2D(4, 2, 3) { Strides = (1, 2), UseBias = false };
        Model places = new(x, local.Apply(x)), shared = new(x, conv.Apply(x));
        float[] kernel = conv.Parameters[0].Value.ToArray(); // [O,R,S,C]
        Assert.Equal(new Shape(4 * 2, 18, 4), local.Parameters[0].Shape);
        local.Parameters[0].Set([.. Enumerable.Range(0, 8 * 72).Select(i => kernel[i % 4 * 18 + i / 4 % 18])]); // [places,R·S·C,O]
        float[] samples = OpHarness.Random(180, seed: 3);
        Assert.True(OpHarness.Difference(Run(shared, samples, 2), Run(places, samples, 2)) <= Tolerance);
        places.Release();
        shared.Release();
    }

    [Fact]
    public void Locally_connected_sequences_have_a_bias_for_every_place()
    {
        Node x = Node.Input(new Shape(4, 1));
        var layer = new LocallyConnected1D(1, 2);
        var model = new Model(x, layer.Apply(x));
        layer.Parameters[0].Set([1, 0, 0, 1, 1, 1]); // the first, the second, the sum
        layer.Parameters[1].Set([10, 20, 30]);
        Assert.Equal([11f, 23, 37], Run(model, [1, 2, 3, 4], 1));
        model.Release();
    }

    [Fact]
    public void Causal_padding_has_no_meaning_for_images() =>
        Assert.Contains("Padding.Causal is for sequences", Assert.Throws<ShapeException>(() => new Conv2D(2, 3, 3) { Padding = Padding.Causal }.Apply(Node.Input(new Shape(5, 5, 2)))).Message);

    private static void Check(Layer layer, Shape input, Shape output, Func<float[], float[], float[]> definition)
    {
        Node node = Node.Input(input);
        var model = new Model(node, layer.Apply(node));
        Assert.Equal(output, model.Outputs[0].Shape);
        float[] x = OpHarness.Random(2 * input.Count, seed: 5), weights = layer.Parameters[0].Value.ToArray();
        float[] expected = definition(x, weights);
        foreach (Device device in new[] { Device.Reference, Device.Cpu })
        {
            model.MoveTo(device);
            Assert.True(OpHarness.Difference(expected, Run(model, x, 2)) <= Tolerance, $"{layer} on {device}");
        }
        model.Release();
    }

    private static float[] Run(Model model, float[] x, int batch)
    {
        using var tape = new Tape(model.Device);
        return model.Forward(tape, [tape.Constant(model.Inputs[0].Shape.Prepend(batch), x)]).ToArray();
    }
}
