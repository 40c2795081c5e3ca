using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaSoftmaxKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : SoftmaxKernels
{
    private readonly CudaRowKernel _forward = new(context, "Softmax.cu", "softmax_forward", stored), _backward = new(context, "Softmax.cu", "softmax_backward");

    public override void Forward(in SoftmaxGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        _forward.Launch(g.Rows, g.C, x, y, g.Rows, g.C, g.Log ? 1 : 0);

    public override void BackwardInput(in SoftmaxGeometry g, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        _backward.Launch(g.Rows, g.C, y, dy, dx, g.Rows, g.C, g.Log ? 1 : 0, beta);
}
