using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaUnaryKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : UnaryKernels
{
    private readonly KernelFunction _forward = new(context, "Unary.cu", NarrowName.Of("unary_forward", stored)), _backward = new(context, "Unary.cu", "unary_backward");

    public override void Forward(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        _forward.Over(g.Count, x, y, g.Count, (int)g.Formula, g.Alpha, g.Beta);

    public override void BackwardInput(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        // The one that is not needed may have been given back.
        DevicePtr<float> needX = UnaryGeometry.NeedsInput(g.Formula) ? x : DevicePtr<float>.Null, needY = UnaryGeometry.NeedsOutput(g.Formula) ? y : DevicePtr<float>.Null;
        _backward.Over(g.Count, needX, needY, dy, dx, g.Count, (int)g.Formula, g.Alpha, g.Beta, beta);
    }
}
