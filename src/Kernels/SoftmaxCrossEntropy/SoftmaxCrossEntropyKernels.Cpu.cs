using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Rows side by side; within a row a vector of exponentials at a time, sums of <see cref="Block"/> vectors added in double. Class indices touch one
/// class of a row: no loop over 50 000 labels that are 0.
/// </summary>
internal sealed unsafe class CpuSoftmaxCrossEntropyKernels : SoftmaxCrossEntropyKernels
{
    public override void Forward(in ClassLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> loss) =>
        LaneWidth.Run(LaneWidth.Current, new LossWork { G = g, X = x.Pointer, T = t.Pointer, Loss = loss.Pointer });

    public override void BackwardInput(in ClassLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dx, float beta) =>
        LaneWidth.Run(LaneWidth.Current, new GradientWork { G = g, X = x.Pointer, T = t.Pointer, Dloss = dloss.Pointer, Dx = dx.Pointer, Beta = beta });

    /// <summary>Vectors whose sum is made in float: short, so that its rounding stays that of single numbers.</summary>
    private const int Block = 32;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static double LogSumExp<V>(float* row, int count)
        where V : unmanaged, ILanes<V>
    {
        float max = Elementwise.Max(count, row);
        V shift = V.Create(max);
        double sum = 0;
        int k = 0;
        while (k <= count - V.Count)
        {
            V lanes = V.Zero;
            for (int i = 0; i < Block && k <= count - V.Count; i++, k += V.Count)
                lanes += VectorMath.Exp(V.Load(row + k) - shift);
            sum += V.Sum(lanes);
        }
        for (; k < count; k++)
            sum += Math.Exp((double)row[k] - max);
        return max + Math.Log(sum);
    }

    private struct LossWork : ILaneWork
    {
        public ClassLossGeometry G;
        public float* X, T, Loss;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V> => RowBlocks.For(G.N, G.K, new LossRow<V> { Of = this });
    }

    private struct LossRow<V> : IRowWork
        where V : unmanaged, ILanes<V>
    {
        public LossWork Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Row(long row)
        {
            float* x = Of.X + row * Of.G.K;
            if (Of.G is { Sparse: true, LabelSmoothing: 0 })
            {
                float index = Of.T[row];
                Of.Loss[row] = index >= 0 && index < Of.G.K ? (float)(LogSumExp<V>(x, Of.G.K) - x[(int)index]) : 0;
                return;
            }
            double logSum = LogSumExp<V>(x, Of.G.K), sum = 0;
            for (int k = 0; k < Of.G.K; k++)
                sum += Of.G.Label(Of.T, row, k) * (logSum - x[k]);
            Of.Loss[row] = (float)sum;
        }
    }

    private struct GradientWork : ILaneWork
    {
        public ClassLossGeometry G;
        public float* X, T, Dloss, Dx;
        public float Beta;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V> => RowBlocks.For(G.N, G.K, new GradientRow<V> { Of = this });
    }

    private struct GradientRow<V> : IRowWork
        where V : unmanaged, ILanes<V>
    {
        public GradientWork Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Row(long row)
        {
            int classes = Of.G.K;
            float* x = Of.X + row * classes, dx = Of.Dx + row * classes;
            if (Of.G.Sparse)
            {
                SparseRow(x, dx, Of.T[row], Of.Dloss[row]);
                return;
            }
            double logSum = LogSumExp<V>(x, classes), total = 0;
            for (int k = 0; k < classes; k++)
                total += Of.G.Label(Of.T, row, k);
            for (int k = 0; k < classes; k += V.Count)
            {
                int count = Math.Min(V.Count, classes - k);
                V p = VectorMath.Exp((count == V.Count ? V.Load(x + k) : Elementwise.LoadTail<V>(x + k, count)) - V.Create((float)logSum));
                for (int lane = 0; lane < count; lane++)
                    BetaStore.Store(ref dx[k + lane], Of.Dloss[row] * (p[lane] * total - Of.G.Label(Of.T, row, k + lane)), Of.Beta);
            }
        }

        /// <summary>dx = beta dx + dloss (p - s / K), and at the label dloss (1 - s) less; beta dx where the index names no class.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void SparseRow(float* x, float* dx, float index, float dloss)
        {
            int classes = Of.G.K;
            if (!(index >= 0 && index < classes))
            {
                Cpu.Row.Begin(dx, classes, Of.Beta);
                return;
            }
            V shift = V.Create((float)LogSumExp<V>(x, classes)), scale = V.Create(dloss), share = V.Create(Of.G.LabelSmoothing / classes), beta = V.Create(Of.Beta);
            for (int k = 0; k < classes; k += V.Count)
            {
                int count = Math.Min(V.Count, classes - k);
                V p = VectorMath.Exp((count == V.Count ? V.Load(x + k) : Elementwise.LoadTail<V>(x + k, count)) - shift);
                V d = (p - share) * scale;
                if (count < V.Count)
                {
                    for (int lane = 0; lane < count; lane++)
                        BetaStore.Store(ref dx[k + lane], d[lane], Of.Beta);
                }
                else
                    (Of.Beta == 0 ? d : V.MultiplyAdd(V.Load(dx + k), beta, d)).Store(dx + k);
            }
            dx[(int)index] -= dloss * (1 - Of.G.LabelSmoothing);
        }
    }
}
