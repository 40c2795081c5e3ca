using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaDropoutKernels(CudaContext context) : DropoutKernels
{
    private readonly KernelFunction _dropout = new(context, "Dropout.cu", "dropout");

    public override void Forward(in DropoutGeometry g, DevicePtr<float> x, DevicePtr<float> y) => BackwardInput(g, x, y, 0);

    public override void BackwardInput(in DropoutGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        _dropout.Over((g.Count + 3) / 4, dy, dx, g.Count, g.Rate, g.Scale, g.Seed, beta);
}
