using Graft.Autograd;
using Graft.Layers;
using Graft.Training;
using Xunit;

namespace Graft.Tests.Autograd;

/// <summary>The times of a step, op by op.</summary>
public sealed class OpTimesTests
{
    [Fact]
    public void A_gradient_that_the_optimizer_makes_is_no_work_of_backward()
    {
        var model = new Sequential(1024) { new Dense(512), new Dense(1) };
        model.SetSeed(1);
        model.MoveTo(Device.Cpu); // a GPU makes the gradient in backward
        model.Compile(new Sgd(0.1f), Loss.MeanSquaredError());
        double now = 0;
        var times = new OpTimes(() => now += 1); // each look at the clock takes a second
        model.Fit(new ArrayBatches(new float[4 * 1024], new Shape(1024), new float[4], new Shape(1), LabelKind.Binary, batchSize: 4), epochs: 1, options: new FitOptions { Times = times });

        OpTimes.Entry[] dense = [.. times.Entries.Where(e => e.Op == "Dense")];
        Assert.Equal([true, false], dense.Select(e => e.DefersGradient)); // the second weight is smaller than what its gradient is made of
        Assert.Equal([0, 2 * dense[1].Flops], dense.Select(e => e.BackwardFlops)); // the input of the first wants no gradient
        Assert.All(dense, e => Assert.Equal(1, e.Backward));
        Assert.Equal(1, times.Update);
        model.Release();
    }
}
