using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Rows side by side; within a row 16 exponentials at a time, summed in double by blocks of 16.</summary>
internal sealed unsafe class CpuSoftmaxCrossEntropyKernels : SoftmaxCrossEntropyKernels
{
    private const int Lanes = 16;

    public override void Forward(in ClassLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> loss) =>
        RowBlocks.For(g.N, g.K, new LossRow { G = g, X = x.Pointer, T = t.Pointer, Loss = loss.Pointer });

    public override void BackwardInput(in ClassLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dx, float beta) =>
        RowBlocks.For(g.N, g.K, new GradientRow { G = g, X = x.Pointer, T = t.Pointer, Dloss = dloss.Pointer, Dx = dx.Pointer, Beta = beta });

    private static double LogSumExp(float* row, int count)
    {
        float max = Elementwise.Max(count, row);
        var shift = Vector512.Create(max);
        double sum = 0;
        int k = 0;
        for (; k <= count - Lanes; k += Lanes)
            sum += Vector512.Sum(VectorMath.Exp(Vector512.Load(row + k) - shift));
        for (; k < count; k++)
            sum += Math.Exp((double)row[k] - max);
        return max + Math.Log(sum);
    }

    private struct LossRow : IRowWork
    {
        public ClassLossGeometry G;
        public float* X, T, Loss;

        public readonly void Row(long row)
        {
            float* x = X + row * G.K;
            double logSum = LogSumExp(x, G.K), sum = 0;
            for (int k = 0; k < G.K; k++)
                sum += G.Label(T, row, k) * (logSum - x[k]);
            Loss[row] = (float)sum;
        }
    }

    private struct GradientRow : IRowWork
    {
        public ClassLossGeometry G;
        public float* X, T, Dloss, Dx;
        public float Beta;

        public readonly void Row(long row)
        {
            float* x = X + row * G.K, dx = Dx + row * G.K;
            double logSum = LogSumExp(x, G.K), total = 0;
            for (int k = 0; k < G.K; k++)
                total += G.Label(T, row, k);
            for (int k = 0; k < G.K; k += Lanes)
            {
                int count = Math.Min(Lanes, G.K - k);
                Vector512<float> p = VectorMath.Exp((count == Lanes ? Vector512.Load(x + k) : Elementwise.LoadTail(x + k, count)) - Vector512.Create((float)logSum));
                for (int lane = 0; lane < count; lane++)
                    BetaStore.Store(ref dx[k + lane], Dloss[row] * (p[lane] * total - G.Label(T, row, k + lane)), Beta);
            }
        }
    }
}
