using Graft.Ops;
using Xunit;

namespace Graft.Tests.Ops;

[Collection(OpsCollection.Name)]
public sealed class MatMulTests
{
    [Fact]
    public void MatMul_names_both_shapes_when_they_disagree() =>
        Assert.Contains("a [2,3] has 3 columns but b [4,5] has 4 rows", Assert.Throws<ShapeException>(() =>
            new MatMulOp().InferShape([new Shape(2, 3), new Shape(4, 5)])).Message);

    [Fact]
    public void MatMul_names_the_batch_axes_that_disagree() =>
        Assert.Contains("(2 and 3)", Assert.Throws<ShapeException>(() =>
            new MatMulOp().InferShape([new Shape(2, 4, 5), new Shape(3, 5, 6)])).Message);

    [Fact]
    public void MatMul_counts_two_operations_for_each_factor_of_each_sum()
    {
        Assert.Equal(2 * 2 * 3 * 4 * 5, new MatMulOp().Flops([new Shape(2, 3, 5), new Shape(2, 5, 4)]));
        Assert.Equal(2 * 2 * 3 * 4 * 5, new MatMulOp(transposeB: true).Flops([new Shape(2, 3, 5), new Shape(4, 5)])); // one b for both
        Assert.Equal(2 * 2 * 3 * 4 * 5, new MatMulOp(transposeA: true).Flops([new Shape(5, 3), new Shape(2, 5, 4)])); // one a for both
        Assert.Equal(2 * 5, new MatMulOp().Flops([new Shape(5), new Shape(5)]));
    }
}
