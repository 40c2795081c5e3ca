using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaPointwiseLossKernels(CudaContext context) : PointwiseLossKernels
{
    private const int EachBlock = 4 * KernelFunction.Threads, MostBlocks = 1 << 16;

    private readonly KernelFunction _forward = new(context, "PointwiseLoss.cu", "pointwise_loss_forward"), _backward = new(context, "PointwiseLoss.cu", "pointwise_loss_backward");

    public override void Forward(in PointwiseLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> loss) =>
        _forward.Launch(Blocks(g.Count), KernelFunction.Threads, x, t, loss, g.Count, (int)g.Formula, g.Parameter, g.LabelSmoothing);

    public override void BackwardInput(in PointwiseLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dx, float beta) =>
        _backward.Launch(Blocks(g.Count), KernelFunction.Threads, x, t, dloss, dx, g.Count, (int)g.Formula, g.Parameter, g.LabelSmoothing, beta);

    /// <summary>Blocks of threads that have four elements each.</summary>
    private static long Blocks(long count) => Math.Min((count + EachBlock - 1) / EachBlock, MostBlocks);
}
