using Graft.Kernels;
using Graft.Layers;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>Layers that do not fit their input say so by name, with what would fit.</summary>
public sealed class LayerErrorTests
{
    private static string Refusal(Layer layer, params int[] input)
    {
        layer.Name = "it";
        return Assert.ThrowsAny<GraftException>(() => layer.Apply(Node.Input(new Shape(input)))).Message;
    }

    [Fact]
    public void Conv2DTranspose_takes_images() => Assert.Contains("Conv2DTranspose 'it': takes images", Refusal(new Conv2DTranspose(2, 3, 3), 5), StringComparison.Ordinal);

    [Fact]
    public void A_layer_without_a_name_yet_is_called_by_its_class()
    {
        string message = Assert.Throws<ShapeException>(() => new Sequential(8, 8, 3) { new Conv2D(4, 9) }).Message;
        Assert.Equal("Conv2D: a filter of 9x9 does not fit into [8,8,3]; use larger images or Padding.Same.", message);
        Assert.Contains("into [2,2,3] with a border of 1, 0, 0, 0 (top, bottom, left, right); use", Refusal(new Conv2D(4, 5) { ExplicitPadding = new Padding2D(1, 0, 0, 0) }, 2, 2, 3), StringComparison.Ordinal);
    }

    [Fact]
    public void Windows_are_as_large_as_one_place_and_move_on()
    {
        Assert.Equal("Conv2D 'it': a filter of 0x0 with steps of 1x1 and a spacing of 1x1; take 1 or more of each.", Refusal(new Conv2D(4, 0), 8, 8, 3));
        Assert.Contains("steps of 1x0", Refusal(new Conv1D(4, 3) { Strides = 0 }, 8, 3), StringComparison.Ordinal);
        Assert.Contains("a spacing of 0x1", Refusal(new DepthwiseConv2D(3, 3) { Dilation = (0, 1) }, 8, 8, 3), StringComparison.Ordinal);
        Assert.Contains("steps of 0x0", Refusal(new MaxPooling2D(2, stride: 0), 8, 8, 3), StringComparison.Ordinal);
        Assert.Contains("a filter of 1x-1", Refusal(new AveragePooling1D(-1), 8, 3), StringComparison.Ordinal);
        Assert.Contains("take 1 or more", Refusal(new MaxPooling3D(0), 8, 8, 8, 3), StringComparison.Ordinal);
        Assert.Contains("into 0 groups", Refusal(new Conv2D(4, 3) { Groups = 0 }, 8, 8, 4), StringComparison.Ordinal);
        Assert.Equal("DepthwiseConv2D 'it': makes [6,6,0] of [8,8,3], which has no numbers; let each extent be 1 or more.", Refusal(new DepthwiseConv2D(3, 3) { DepthMultiplier = 0 }, 8, 8, 3));
        Assert.Contains("take 1 or more", Refusal(new Conv2DTranspose(4, 3, 3) { Strides = (0, 1) }, 8, 8, 3), StringComparison.Ordinal);
    }

    [Fact]
    public void Cropping2D_leaves_at_least_one_pixel() => Assert.Contains("at least one row and column", Refusal(new Cropping2D(new Padding2D(2, 2, 0, 0)), 4, 5, 2), StringComparison.Ordinal);

    [Fact]
    public void PReLU_names_axes_that_are_not_there() => Assert.Contains("(1,4) are not all among 1 to 3", Refusal(new PReLU(1, 4), 4, 5, 2), StringComparison.Ordinal);

    [Fact]
    public void ReLU_takes_a_threshold_of_0_or_more() => Assert.Contains("ReLU 'it'", Refusal(new ReLU { Threshold = -1 }, 4), StringComparison.Ordinal);

    [Fact]
    public void Softmax_and_LayerNormalization_do_not_work_along_the_batch()
    {
        Assert.Contains("behind the batch axis", Refusal(new Softmax(0), 4, 5), StringComparison.Ordinal);
        Assert.Contains("behind the batch axis", Refusal(new LayerNormalization { Axes = [0, 1] }, 4, 5), StringComparison.Ordinal);
    }

    [Fact]
    public void GroupNormalization_takes_a_number_of_groups_that_divides_the_channels() => Assert.Contains("5 channels of [4,5] cannot be split into 2 groups", Refusal(new GroupNormalization(2), 4, 5), StringComparison.Ordinal);

    [Fact]
    public void Heads_are_one_or_more_and_those_of_keys_divide_those_of_queries()
    {
        Assert.Contains("0 heads of 4; both are one or more", Assert.Throws<GraftException>(() => new MultiHeadAttention(0, 4)).Message, StringComparison.Ordinal);
        Assert.Contains("0 query heads of 4 and 2 key and value heads; each is one or more", Assert.Throws<GraftException>(() => new GroupedQueryAttention(4, 0, 2)).Message, StringComparison.Ordinal);
        Assert.Contains("-2 query heads", Assert.Throws<GraftException>(() => new GroupedQueryAttention(4, -2, 2)).Message, StringComparison.Ordinal);
        Assert.Contains("3 query heads of 4 cannot share 2", Assert.Throws<GraftException>(() => new GroupedQueryAttention(4, 3, 2)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_regularizer_takes_no_negative_factor() => Assert.Throws<ArgumentOutOfRangeException>(() => Regularizer.L2(-1));
}
