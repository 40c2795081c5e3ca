using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaSparsemaxKernels(CudaContext context) : SparsemaxKernels
{
    private readonly KernelFunction _forward = new(context, "Sparsemax.cu", "sparsemax_forward"), _backward = new(context, "Sparsemax.cu", "sparsemax_backward");

    public override void Forward(in SparsemaxGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        _forward.Launch(g.Rows, CudaRows.Threads(g.C), x, y, g.C);

    public override void BackwardInput(in SparsemaxGeometry g, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        _backward.Launch(g.Rows, CudaRows.Threads(g.C), y, dy, dx, g.C, beta);
}
