using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaLayerNormKernels(CudaContext context, CudaReduceKernels reduce, ComputePrecision stored = ComputePrecision.Float32) : LayerNormKernels
{
    private readonly CudaRowKernel _forward = new(context, "LayerNorm.cu", "layer_norm_forward", stored), _backward = new(context, "LayerNorm.cu", "layer_norm_backward");
    private readonly KernelFunction _scale = new(context, "LayerNorm.cu", "layer_norm_scale");

    public override void Forward(
        in LayerNormGeometry g, DevicePtr<float> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<float> y, DevicePtr<float> mean, DevicePtr<float> rstd) =>
        _forward.Launch(g.Rows, g.C, x, scale, shift, y, mean, rstd, g.Rows, g.C, g.Epsilon);

    public override void BackwardInput(
        in LayerNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> scale, DevicePtr<float> mean, DevicePtr<float> rstd, DevicePtr<float> dx, float beta) =>
        _backward.Launch(g.Rows, g.C, x, dy, scale, mean, rstd, dx, g.Rows, g.C, beta);

    public override void BackwardScale(
        in LayerNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> mean, DevicePtr<float> rstd, DevicePtr<float> dscale, float beta)
    {
        CudaColumns columns = CudaColumns.Of(g.C);
        int segments = columns.Segments(g.Rows, reads: 2);
        using var parts = new CudaScratch(context, (long)segments * g.C * sizeof(double));
        _scale.Launch((long)columns.Blocks * segments, KernelFunction.Threads, x, dy, mean, rstd, parts.Address, g.Rows, g.C, columns.Log, columns.Blocks, segments);
        reduce.JoinParts(parts.Address, dscale, g.C, segments, beta);
    }

    public override void BackwardShift(in LayerNormGeometry g, DevicePtr<float> dy, DevicePtr<float> dshift, float beta) => reduce.SumRows(g.Rows, g.C, dy, dshift, beta);
}
