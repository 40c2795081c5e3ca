using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaCategoricalCrossEntropyKernels(CudaContext context) : CategoricalCrossEntropyKernels
{
    private const string File = "CategoricalCrossEntropy.cu";

    private readonly KernelFunction _forward = new(context, File, "categorical_cross_entropy_forward"), _backward = new(context, File, "categorical_cross_entropy_backward");

    public override void Forward(in ClassLossGeometry g, DevicePtr<float> p, DevicePtr<float> t, DevicePtr<float> loss) =>
        _forward.Launch(g.N, CudaRows.Threads(g.K), p, t, loss, g.K, g.Sparse ? 1 : 0, g.LabelSmoothing);

    public override void BackwardInput(in ClassLossGeometry g, DevicePtr<float> p, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dp, float beta) =>
        _backward.Launch(g.N, CudaRows.Threads(g.K), p, t, dloss, dp, g.K, g.Sparse ? 1 : 0, g.LabelSmoothing, beta);
}
