using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaBatchNormKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : BatchNormKernels
{
    private const int Threads = KernelFunction.Threads;
    private const int ManyBlocks = 2048; // beyond them a block takes more steps, so that it reads what belongs to its channels less often
    private const int MostSteps = 4;

    private const string Way = "BatchNorm.cu", WayBack = "BatchNormBackward.cu";

    private readonly KernelFunction _moments = new(context, Way, NarrowName.Of("batch_norm_moments", stored)), _statistics = new(context, Way, NarrowName.Of("batch_norm_statistics", stored)),
        _forward = new(context, Way, NarrowName.Of("batch_norm_forward", stored)), _addForward = new(context, Way, NarrowName.Of("batch_norm_add_forward", stored)),
        _gradientSums = new(context, WayBack, NarrowName.Of("batch_norm_gradient_sums", stored)), _gatedGradientSums = new(context, WayBack, NarrowName.Of("batch_norm_gated_gradient_sums", stored)),
        _gradients = new(context, WayBack, "batch_norm_gradients"), _backward = new(context, WayBack, NarrowName.Of("batch_norm_backward", stored)),
        _gatedBackward = new(context, WayBack, NarrowName.Of("batch_norm_gated_backward", stored));

    public override void Forward(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<float> movingMean,
        DevicePtr<float> movingVariance, DevicePtr<float> y, DevicePtr<float> mean, DevicePtr<float> rstd, DevicePtr<float> residual)
    {
        CudaColumns columns = CudaColumns.Of(g.C);
        if (g.Training)
        {
            int segments = columns.Segments(g.Rows);
            using CudaScratch parts = Parts(g, segments);
            _moments.Launch((long)columns.Blocks * segments, Threads, x, parts.Address, g.Rows, g.C, columns.Log, columns.Blocks, segments);
            CudaJoin join = CudaJoin.Of(g.C);
            _statistics.Launch(join.Blocks, Threads, x, parts.Address, movingMean, movingVariance, mean, rstd, g.Rows, g.C, join.Log, segments, g.Epsilon, g.Momentum, g.MovingFactor);
        }
        DevicePtr<float> none = DevicePtr<float>.Null;
        (long blocks, int steps) = Blocks(g, columns);
        (DevicePtr<float> usedMean, DevicePtr<float> usedVariance) = g.Training ? (none, none) : (movingMean, movingVariance);
        if (residual.IsNull)
            _forward.Launch(blocks, Threads, x, scale, shift, usedMean, usedVariance, y, mean, rstd, g.Rows, g.C, columns.Log, columns.Blocks, steps, g.Epsilon, (int)g.Activation);
        else
            _addForward.Launch(blocks, Threads, x, residual, scale, shift, usedMean, usedVariance, y, mean, rstd, g.Rows, g.C, columns.Log, columns.Blocks, steps, g.Epsilon, (int)g.Activation);
    }

    public override void BackwardSums(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> mean, DevicePtr<float> rstd,
        DevicePtr<float> dscale, DevicePtr<float> dshift, BatchNormGate<float> gate)
    {
        if (g.Rows == 0) // sums of nothing; forward, without a block, has kept no deviations
        {
            context.Clear(dscale.Address, g.C * (long)sizeof(float));
            context.Clear(dshift.Address, g.C * (long)sizeof(float));
            return;
        }
        CudaColumns columns = CudaColumns.Of(g.C);
        bool isGated = g.Activation != FusedActivation.None;
        int segments = columns.Segments(g.Rows, reads: isGated ? 3 : 2);
        using CudaScratch parts = Parts(g, segments);
        long blocks = (long)columns.Blocks * segments;
        if (isGated)
        {
            _gatedGradientSums.Launch(blocks, Threads, x, dy, mean, rstd, gate.Scale, gate.Shift, gate.Y, gate.Passed, (int)g.Activation, parts.Address, g.Rows, g.C, columns.Log, columns.Blocks,
                segments);
        }
        else
        {
            _gradientSums.Launch(blocks, Threads, x, dy, mean, parts.Address, g.Rows, g.C, columns.Log, columns.Blocks, segments);
        }
        CudaJoin join = CudaJoin.Of(g.C);
        _gradients.Launch(join.Blocks, Threads, parts.Address, rstd, dscale, dshift, g.C, join.Log, segments);
    }

    public override void BackwardInput(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> scale, DevicePtr<float> mean,
        DevicePtr<float> rstd, DevicePtr<float> dscale, DevicePtr<float> dshift, DevicePtr<float> dx, float beta, BatchNormGate<float> gate)
    {
        DevicePtr<float> none = DevicePtr<float>.Null;
        CudaColumns columns = CudaColumns.Of(g.C);
        (long blocks, int steps) = Blocks(g, columns);
        if (!g.Training)
            (dscale, dshift) = (none, none);
        if (g.Activation == FusedActivation.None)
        {
            _backward.Launch(blocks, Threads, g.Training ? x : none, dy, scale, mean, rstd, dscale, dshift, dx, g.Rows, g.C, columns.Log, columns.Blocks, steps, beta);
            return;
        }
        _gatedBackward.Launch(blocks, Threads, g.Training || gate.Y.IsNull ? x : none, dy, scale, mean, rstd, gate.Shift, gate.Y, (int)g.Activation, dscale, dshift, dx, g.Rows, g.C, columns.Log,
            columns.Blocks, steps, beta);
    }

    /// <summary>Blocks that write every number, and the steps of each.</summary>
    private static (long Blocks, int Steps) Blocks(in BatchNormGeometry g, CudaColumns columns)
    {
        long all = columns.Steps(g.Rows);
        long steps = Math.Clamp(all * columns.Blocks / ManyBlocks, 1, MostSteps);
        return ((all + steps - 1) / steps * columns.Blocks, (int)steps);
    }

    /// <summary>Both sums of every segment.</summary>
    private CudaScratch Parts(in BatchNormGeometry g, int segments) => new(context, segments * 2L * g.C * sizeof(double));
}
