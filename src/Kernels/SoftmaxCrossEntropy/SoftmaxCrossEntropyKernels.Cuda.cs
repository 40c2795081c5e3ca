using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaSoftmaxCrossEntropyKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : SoftmaxCrossEntropyKernels
{
    private const string File = "SoftmaxCrossEntropy.cu";
    private const int ManyClasses = 1 << 14; // rows that a GPU's cache holds one of for each multiprocessor
    private const int ForwardThreads = 512, BackwardThreads = 1024; // of such a row

    private readonly KernelFunction _forward = new(context, File, NarrowName.Of("softmax_cross_entropy_forward", stored)), _backward = new(context, File, NarrowName.Of("softmax_cross_entropy_backward", stored));

    public override void Forward(in ClassLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> loss) =>
        _forward.Launch(g.N, g.K < ManyClasses ? CudaRows.Threads(g.K) : ForwardThreads, x, t, loss, g.K, g.Sparse ? 1 : 0, g.LabelSmoothing);

    public override void BackwardInput(in ClassLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dx, float beta)
    {
        bool many = g.K >= ManyClasses;
        _backward.Launch(many ? Math.Min(g.N, context.Info.Multiprocessors) : g.N, many ? BackwardThreads : CudaRows.Threads(g.K), x, t, dloss, dx, g.N, g.K, g.Sparse ? 1 : 0, g.LabelSmoothing, beta);
    }
}
