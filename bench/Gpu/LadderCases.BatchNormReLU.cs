using Graft.Bench.Suite;
using Graft.Kernels;

namespace Graft.Bench.Gpu;

/// <summary>The end of a residual block in a training step: normalisation, sum with the shortcut and ReLU, as three kernels and as one.</summary>
internal static partial class LadderCases
{
    /// <summary>x is read twice, the shortcut once, y written.</summary>
    private static LadderCase BatchNormReLU(int batch, int size, int c)
    {
        Func<CudaKernelSet, Workspace, int, Action> apart = (set, work, n) => Forward(set, work, n, isFused: false);
        return new(new OpCase($"batch norm, shortcut and ReLU, training {batch}x{size}²x{c}", 0, 4 * 4.0 * batch * size * size * c)
        {
            Batch = batch,
            Tolerance = Tolerance,
            Graft = (set, work, n) => Forward(set, work, n, isFused: true),
        }, new Rung("apart", Make: apart), new Rung("own"));

        Action Forward(KernelSet set, Workspace work, int n, bool isFused)
        {
            long count = (long)n * size * size * c;
            DevicePtr<float> x = work.Input("x", count), scale = work.Input("scale", c), shift = work.Input("shift", c), mean = work.Input("mean", c), variance = work.Input("variance", c, 0.5, 1.5);
            DevicePtr<float> shortcut = work.Input("shortcut", count), y = work.Output(count), keptMean = work.Scratch(c), keptRstd = work.Scratch(c);
            BatchNormGeometry g = Geometry(n, size, c);
            if (isFused)
                return () => set.BatchNorm.Forward(g, x, scale, shift, mean, variance, y, keptMean, keptRstd, shortcut);
            DevicePtr<float> v = work.Scratch(count);
            int[] all = [(int)count];
            return () =>
            {
                set.BatchNorm.Forward(g with { Activation = FusedActivation.None }, x, scale, shift, mean, variance, v, keptMean, keptRstd);
                set.Binary.Forward(BinaryGeometry.Of(BinaryFormula.Add, all, all), v, shortcut, v);
                set.Unary.Forward(g.Activation.Over(count), v, y);
            };
        }
    }

    /// <summary>The sums read x, dy and y and write the shortcut's gradient; then x and that are read, and dx is written.</summary>
    private static LadderCase BatchNormReLUGradients(int batch, int size, int c)
    {
        Func<CudaKernelSet, Workspace, int, Action> apart = (set, work, n) => Backward(set, work, n, isFused: false);
        return new(new OpCase($"gradients of batch norm, shortcut and ReLU {batch}x{size}²x{c}", 0, 7 * 4.0 * batch * size * size * c)
        {
            Batch = batch,
            Tolerance = Tolerance,
            Graft = (set, work, n) => Backward(set, work, n, isFused: true),
        }, new Rung("apart", Make: apart), new Rung("own"));

        Action Backward(KernelSet set, Workspace work, int n, bool isFused)
        {
            long count = (long)n * size * size * c;
            DevicePtr<float> x = work.Input("x", count), dy = work.Input("dy", count), y = work.Input("y", count), scale = work.Input("scale", c), shift = work.Input("shift", c);
            DevicePtr<float> mean = work.Input("mean", c, -0.1, 0.1), rstd = work.Input("rstd", c, 0.5, 2), dscale = work.Scratch(c), dshift = work.Scratch(c);
            DevicePtr<float> passed = work.Scratch(count), dx = work.Output(count);
            BatchNormGeometry g = Geometry(n, size, c), plain = g with { Activation = FusedActivation.None };
            return () =>
            {
                if (isFused)
                {
                    set.BatchNorm.BackwardSums(g, x, dy, mean, rstd, dscale, dshift, new BatchNormGate<float>(scale, shift, y, passed));
                }
                else
                {
                    set.Unary.BackwardInput(g.Activation.Over(count), default, y, dy, passed, 0);
                    set.BatchNorm.BackwardSums(plain, x, passed, mean, rstd, dscale, dshift);
                }
                set.BatchNorm.BackwardInput(plain, x, passed, scale, mean, rstd, dscale, dshift, dx, 0);
            };
        }
    }

    private static BatchNormGeometry Geometry(int batch, int size, int c) => new((long)batch * size * size, c, 1e-3f, 0.99f, Training: true, Activation: FusedActivation.ReLU);
}
