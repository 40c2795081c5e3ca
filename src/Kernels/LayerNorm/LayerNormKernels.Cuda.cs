using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaLayerNormKernels(CudaContext context, ReduceKernels reduce, ComputePrecision stored = ComputePrecision.Float32) : LayerNormKernels
{
    private const int Columns = 32, ColumnRows = 8; // as in LayerNorm.cu
    private const int SegmentRows = 256, MostSegments = 256; // many rows are cut, so that a few columns fill the GPU

    private readonly KernelFunction _forward = new(context, "LayerNorm.cu", NarrowName.Of("layer_norm_forward", stored)), _backward = new(context, "LayerNorm.cu", "layer_norm_backward"),
        _scale = new(context, "LayerNorm.cu", "layer_norm_scale");

    public override void Forward(
        in LayerNormGeometry g, DevicePtr<float> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<float> y, DevicePtr<float> mean, DevicePtr<float> rstd) =>
        _forward.Launch(g.Rows, CudaRows.Threads(g.C), x, scale, shift, y, mean, rstd, g.C, g.Epsilon);

    public override void BackwardInput(
        in LayerNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> scale, DevicePtr<float> mean, DevicePtr<float> rstd, DevicePtr<float> dx, float beta) =>
        _backward.Launch(g.Rows, CudaRows.Threads(g.C), x, dy, scale, mean, rstd, dx, g.C, beta);

    public override void BackwardScale(
        in LayerNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> mean, DevicePtr<float> rstd, DevicePtr<float> dscale, float beta)
    {
        int segments = (int)Math.Clamp((g.Rows + SegmentRows - 1) / SegmentRows, 1, MostSegments);
        long segment = (g.Rows + segments - 1) / segments;
        using CudaScratch parts = segments > 1 ? new CudaScratch(context, (long)segments * g.C * sizeof(float)) : default;
        DevicePtr<float> sums = segments > 1 ? new DevicePtr<float>(parts.Address) : dscale;
        _scale.Launch((g.C + Columns - 1) / Columns, segments, Columns, ColumnRows, x, dy, mean, rstd, sums, g.Rows, g.C, segment, segments > 1 ? 0 : beta);
        if (segments > 1)
            SumRows(segments, g.C, sums, dscale, beta);
    }

    public override void BackwardShift(in LayerNormGeometry g, DevicePtr<float> dy, DevicePtr<float> dshift, float beta) =>
        SumRows(checked((int)g.Rows), g.C, dy, dshift, beta);

    private void SumRows(int rows, int columns, DevicePtr<float> x, DevicePtr<float> y, float beta) =>
        reduce.Forward(ReduceGeometry.Of(ReduceFormula.Sum, [rows, columns], [true, false]), x, y, beta);
}
