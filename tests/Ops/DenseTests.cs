using Graft.Autograd;
using Graft.Ops;
using Xunit;

namespace Graft.Tests.Ops;

[Collection(OpsCollection.Name)]
public sealed class DenseTests
{
    [Fact]
    public void Dense_names_both_shapes_when_they_disagree()
    {
        ShapeException e = Assert.Throws<ShapeException>(() => new DenseOp().InferShape([new Shape(2, 3), new Shape(4, 5)]));
        Assert.Contains("[2,3] has 3 features but weight [4,5] takes 4", e.Message);
    }

    [Fact]
    public void Dense_names_the_bias_that_does_not_fit() =>
        Assert.Contains("bias [4]", Assert.Throws<ShapeException>(() => new DenseOp().InferShape([new Shape(2, 3), new Shape(3, 5), new Shape(4)])).Message);

    [Fact]
    public void Dense_of_two_features_is_worked_by_hand()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor y = tape.Run(
            new DenseOp(), tape.Constant(new Shape(1, 2), [1f, 2f]), tape.Constant(new Shape(2, 2), [10f, 20f, 30f, 40f]),
            tape.Constant(new Shape(2), [0.5f, -0.5f]));
        Assert.Equal([70.5f, 99.5f], y.ToArray());
    }
}
