using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Rows side by side. The rows themselves are the plain loops: heads are short, and their logarithms need double.</summary>
internal sealed unsafe class CpuCategoricalCrossEntropyKernels : CategoricalCrossEntropyKernels
{
    public override void Forward(in ClassLossGeometry g, DevicePtr<float> p, DevicePtr<float> t, DevicePtr<float> loss) =>
        RowBlocks.For(g.N, g.K, new LossRow { G = g, P = p.Pointer, T = t.Pointer, Loss = loss.Pointer });

    public override void BackwardInput(in ClassLossGeometry g, DevicePtr<float> p, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dp, float beta) =>
        RowBlocks.For(g.N, g.K, new GradientRow { G = g, P = p.Pointer, T = t.Pointer, Dloss = dloss.Pointer, Dp = dp.Pointer, Beta = beta });

    private struct LossRow : IRowWork
    {
        public ClassLossGeometry G;
        public float* P, T, Loss;

        public readonly void Row(long row) => Loss[row] = (float)ReferenceCategoricalCrossEntropyKernels.RowLoss(G, P, T, row);
    }

    private struct GradientRow : IRowWork
    {
        public ClassLossGeometry G;
        public float* P, T, Dloss, Dp;
        public float Beta;

        public readonly void Row(long row) => ReferenceCategoricalCrossEntropyKernels.RowGradient(G, P, T, row, Dloss[row], Dp, Beta);
    }
}
