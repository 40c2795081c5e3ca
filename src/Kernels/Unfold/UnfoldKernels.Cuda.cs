using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaUnfoldKernels(CudaContext context) : UnfoldKernels
{
    private readonly KernelFunction _unfold = new(context, "Unfold.cu", "unfold"), _fold = new(context, "Unfold.cu", "fold");

    public override void Unfold(in UnfoldGeometry g, DevicePtr<float> x, DevicePtr<float> y, float beta) =>
        _unfold.Over(g.WindowCount, x, y, g.WindowCount, Sizes(g), beta);

    public override void Fold(in UnfoldGeometry g, DevicePtr<float> y, DevicePtr<float> x, float beta) =>
        _fold.Over(g.Count, y, x, g.Count, Sizes(g), beta);

    private static KernelArgument Sizes(in UnfoldGeometry g) => KernelArgument.Of(new Windows(g.T, g.M, g.C, g.P, g.S, g.Stride, g.Dilation, g.Front));

    /// <summary>Laid out as Windows of Unfold.cu.</summary>
    private readonly record struct Windows(int T, int M, int C, int P, int S, int Stride, int Dilation, int Front);
}
