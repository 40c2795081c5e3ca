using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Layer normalisation by own kernels.</summary>
/// <param name="context">The GPU.</param>
/// <param name="reduce">Sums of numbers as y has them in memory.</param>
/// <param name="exact">Sums of float32.</param>
/// <param name="given">How x and its gradient lie in memory.</param>
/// <param name="made">How y and its gradient do: as x, or in 16 bits where x is float32.</param>
internal sealed class CudaLayerNormKernels(CudaContext context, CudaReduceKernels reduce, CudaReduceKernels exact, ComputePrecision given, ComputePrecision made) : LayerNormKernels
{
    private const string File = "LayerNorm.cu";

    private readonly CudaRowKernel _forward = new(context, File, Of("layer_norm_forward", given, made), made), _backward = new(context, File, Of("layer_norm_backward", given, made), made);
    private readonly KernelFunction _scale = new(context, File, NarrowName.Of(Of("layer_norm_scale", given, made), made));

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
        exact.JoinParts(parts.Address, dscale, g.C, segments, beta);
    }

    public override void BackwardShift(in LayerNormGeometry g, DevicePtr<float> dy, DevicePtr<float> dshift, float beta)
    {
        if (made.IsNarrow())
            reduce.SumRows(exact, checked((int)g.Rows), g.C, dy.Address, dshift, beta);
        else
            exact.SumRows(g.Rows, g.C, dy, dshift, beta);
    }

    /// <summary>As LayerNorm.cu names a kernel for these types; the end, of the narrower one, comes behind.</summary>
    private static string Of(string kernel, ComputePrecision given, ComputePrecision made) => given.IsNarrow() == made.IsNarrow() ? kernel : kernel + "_float";
}
