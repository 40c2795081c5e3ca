using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaPointwiseLossKernels(CudaContext context) : PointwiseLossKernels
{
    private readonly KernelFunction _forward = new(context, "PointwiseLoss.cu", "pointwise_loss_forward"), _backward = new(context, "PointwiseLoss.cu", "pointwise_loss_backward");

    public override void Forward(in PointwiseLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> loss) =>
        _forward.Over(g.Count, x, t, loss, g.Count, (int)g.Formula, g.Parameter, g.LabelSmoothing);

    public override void BackwardInput(in PointwiseLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dx, float beta) =>
        _backward.Over(g.Count, x, t, dloss, dx, g.Count, (int)g.Formula, g.Parameter, g.LabelSmoothing, beta);
}
