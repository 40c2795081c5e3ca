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
}
