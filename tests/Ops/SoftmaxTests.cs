using Graft.Autograd;
using Graft.Ops;
using Xunit;

namespace Graft.Tests.Ops;

[Collection(OpsCollection.Name)]
public sealed class SoftmaxTests
{
    [Fact]
    public void Softmax_of_large_numbers_stays_finite()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor x = tape.Constant(new Shape(1, 2), [1000f, 1000f]);
        Assert.Equal([0.5f, 0.5f], tape.Run(new SoftmaxOp(), x).ToArray());
        Assert.Equal(-Math.Log(2), tape.Run(new SoftmaxOp(log: true), x).ToArray()[0], 1e-4); // 1000 has a rounding of 3e-5
    }
}
