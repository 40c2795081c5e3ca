using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;
using Xunit;

namespace Graft.Tests.Ops;

[Collection(OpsCollection.Name)]
public sealed class ConvolutionTests
{
    [Fact]
    public void Conv2D_says_how_to_mend_channels_first_images()
    {
        var op = new Conv2DOp(1, 1, 1, 1, Padding2D.None, 1);
        ShapeException e = Assert.Throws<ShapeException>(() => op.InferShape([new Shape(32, 3, 150, 150), new Shape(64, 3, 3, 3)]));
        Assert.Contains("[32,3,150,150] has 150 channels, weight [64,3,3,3] takes 3", e.Message);
        Assert.Contains("(0,2,3,1)", e.Message);
    }

    [Fact]
    public void Conv2D_refuses_a_filter_that_does_not_fit()
    {
        var op = new Conv2DOp(1, 1, 2, 2, Padding2D.None, 1);
        Assert.Contains("does not fit", Assert.Throws<ShapeException>(() => op.InferShape([new Shape(1, 4, 4, 1), new Shape(1, 3, 3, 1)])).Message);
    }

    [Theory]
    [InlineData(2, 2, 3)] // floor((5 + 2 - 3) / 2) + 1
    [InlineData(1, 1, 5)]
    [InlineData(3, 1, 2)]
    public void Conv2D_output_rows_follow_the_floor_rule(int strideH, int strideW, int rows) =>
        Assert.Equal(rows, new Conv2DOp(strideH, strideW, 1, 1, Padding2D.All(1), 1).InferShape([new Shape(1, 5, 5, 2), new Shape(4, 3, 3, 2)])[1]);

    [Fact]
    public void DepthwiseConv2D_puts_the_filters_of_a_channel_side_by_side()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor y = tape.Run(
            new DepthwiseConv2DOp(1, 1, 1, 1, Padding2D.None), tape.Constant(new Shape(1, 1, 1, 2), [1f, 10f]),
            tape.Constant(new Shape(1, 1, 2, 2), [2f, 3f, 4f, 5f]));
        Assert.Equal([2f, 3f, 40f, 50f], y.ToArray());
    }

    [Fact]
    public void Conv2DTranspose_lays_a_scaled_filter_at_every_stride()
    {
        using var tape = new Tape(Device.Cpu);
        var op = new Conv2DTransposeOp(1, 5, 1, 2, 1, 1, Padding2D.None);
        Tensor y = tape.Run(op, tape.Constant(new Shape(1, 1, 2, 1), [1f, 10f]), tape.Constant(new Shape(1, 1, 3, 1), [1f, 2f, 3f]));
        Assert.Equal([1f, 2f, 3f + 10f, 20f, 30f], y.ToArray());
    }

    [Fact]
    public void Conv2DTranspose_counts_each_weight_once_a_pixel_of_its_input() =>
        Assert.Equal(2 * (2 * 4 * 5) * (3 * 2 * 2 * 7), new Conv2DTransposeOp(8, 10, 2, 2, 1, 1, Padding2D.None).Flops([new Shape(2, 4, 5, 3), new Shape(3, 2, 2, 7)]));

    [Fact]
    public void Conv2DTranspose_refuses_an_output_that_does_not_lead_back_to_its_input()
    {
        var op = new Conv2DTransposeOp(12, 9, 2, 2, 1, 1, Padding2D.None);
        string message = Assert.Throws<ShapeException>(() => op.InferShape([new Shape(1, 4, 4, 3), new Shape(3, 3, 3, 2)])).Message;
        Assert.Contains("12x9", message);
        Assert.Contains("[1,4,4,3] has 4x4", message);
    }

    [Fact]
    public void Upsample2D_blends_between_pixel_centres_and_repeats_at_the_border()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor x = tape.Constant(new Shape(1, 1, 2, 1), [0f, 4f]);
        Assert.Equal([0f, 1f, 3f, 4f], tape.Run(new Upsample2DOp(UpsampleKind.Bilinear, 1, 2), x).ToArray());
        Assert.Equal([0f, 0f, 4f, 4f], tape.Run(new Upsample2DOp(UpsampleKind.Nearest, 1, 2), x).ToArray());
    }

    [Fact]
    public void Upsample2D_refuses_a_factor_below_1() =>
        Assert.Contains("use pooling", Assert.Throws<ShapeException>(() => new Upsample2DOp(UpsampleKind.Nearest, 0, 2).InferShape([new Shape(1, 2, 2, 1)])).Message);
}
