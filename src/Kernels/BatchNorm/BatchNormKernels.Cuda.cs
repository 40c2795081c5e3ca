using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaBatchNormKernels(CudaContext context) : BatchNormKernels
{
    private const int Channels = 32, ChannelRows = 8; // threads of a block, as in BatchNorm.cu

    private readonly KernelFunction _moments = new(context, "BatchNorm.cu", "batch_norm_moments"), _statistics = new(context, "BatchNorm.cu", "batch_norm_statistics"),
        _forward = new(context, "BatchNorm.cu", "batch_norm_forward"), _gradientSums = new(context, "BatchNorm.cu", "batch_norm_gradient_sums"),
        _gradients = new(context, "BatchNorm.cu", "batch_norm_gradients"), _backward = new(context, "BatchNorm.cu", "batch_norm_backward");

    public override void Forward(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<float> movingMean,
        DevicePtr<float> movingVariance, DevicePtr<float> y, DevicePtr<float> mean, DevicePtr<float> rstd)
    {
        CudaSegments rows = Segments(g);
        using CudaScratch parts = g.Training ? Parts(g, rows) : default;
        if (g.Training)
            _moments.Launch(Blocks(g), rows.Count, Channels, ChannelRows, x, parts.Address, g.Rows, g.C, rows.Length);
        _statistics.Over(g.C, x, parts.Address, movingMean, movingVariance, mean, rstd, g.Rows, g.C, rows.Count, g.Epsilon, g.Momentum, g.MovingFactor);
        _forward.Over(g.Rows * g.C, x, scale, shift, mean, rstd, y, g.Rows * g.C, g.C);
    }

    public override void BackwardSums(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> mean, DevicePtr<float> rstd,
        DevicePtr<float> dscale, DevicePtr<float> dshift)
    {
        CudaSegments rows = Segments(g);
        using CudaScratch parts = Parts(g, rows);
        _gradientSums.Launch(Blocks(g), rows.Count, Channels, ChannelRows, x, dy, mean, parts.Address, g.Rows, g.C, rows.Length);
        _gradients.Over(g.C, parts.Address, rstd, dscale, dshift, g.C, rows.Count);
    }

    public override void BackwardInput(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> scale, DevicePtr<float> mean,
        DevicePtr<float> rstd, DevicePtr<float> dscale, DevicePtr<float> dshift, DevicePtr<float> dx, float beta)
    {
        DevicePtr<float> none = DevicePtr<float>.Null;
        _backward.Over(g.Rows * g.C, g.Training ? x : none, dy, scale, mean, rstd, g.Training ? dscale : none, g.Training ? dshift : none, dx, g.Rows * g.C, g.Rows, g.C, beta);
    }

    private static long Blocks(in BatchNormGeometry g) => (g.C + Channels - 1L) / Channels;

    private static CudaSegments Segments(in BatchNormGeometry g) => CudaSegments.Of(g.Rows, Blocks(g), shortest: 256);

    /// <summary>Both sums of every segment.</summary>
    private CudaScratch Parts(in BatchNormGeometry g, CudaSegments rows) => new(context, rows.Count * 2L * g.C * sizeof(double));
}
