using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaSoftmaxCrossEntropyKernels(CudaContext context) : SoftmaxCrossEntropyKernels
{
    private const string File = "SoftmaxCrossEntropy.cu";

    private readonly KernelFunction _forward = new(context, File, "softmax_cross_entropy_forward"), _backward = new(context, File, "softmax_cross_entropy_backward");

    public override void Forward(in ClassLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> loss) =>
        _forward.Launch(g.N, CudaRows.Threads(g.K), x, t, loss, g.K, g.Sparse ? 1 : 0, g.LabelSmoothing);

    public override void BackwardInput(in ClassLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dx, float beta) =>
        _backward.Launch(g.N, CudaRows.Threads(g.K), x, t, dloss, dx, g.K, g.Sparse ? 1 : 0, g.LabelSmoothing, beta);
}
