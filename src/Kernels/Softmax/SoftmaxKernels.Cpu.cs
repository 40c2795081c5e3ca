using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Softmax row by row, on vectors whose lanes hold neighbouring columns; the tail of a row, fewer columns than lanes, is done one by one by the same formula, with MathF in place of
/// <see cref="VectorMath"/>. A sum is that of each lane, then of the lanes, then of the tail: one order, whatever the threads.
/// </summary>
internal sealed unsafe class CpuSoftmaxKernels : SoftmaxKernels
{
    public override void Forward(in SoftmaxGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        LaneWidth.Run(LaneWidth.Current, new Work { Rows = g.Rows, C = g.C, Log = g.Log, X = x.Pointer, Y = y.Pointer });

    public override void BackwardInput(in SoftmaxGeometry g, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        LaneWidth.Run(LaneWidth.Current, new Work { Rows = g.Rows, C = g.C, Log = g.Log, Y = y.Pointer, Dy = dy.Pointer, Dx = dx.Pointer, Beta = beta });

    /// <summary>Forward where there is an X, else backward.</summary>
    private struct Work : ILaneWork
    {
        public long Rows;
        public int C;
        public bool Log;
        public float* X, Y, Dy, Dx;
        public float Beta;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V>
        {
            if (X != null)
                RowBlocks.For(Rows, 4L * C, new ForwardRow<V> { C = C, Log = Log, X = X, Y = Y });
            else
                RowBlocks.For(Rows, 2L * C, new BackwardRow<V> { C = C, Log = Log, Y = Y, Dy = Dy, Dx = Dx, Beta = Beta });
        }
    }

    private struct ForwardRow<V> : IRowWork
        where V : unmanaged, ILanes<V>
    {
        public int C;
        public bool Log;
        public float* X, Y;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Row(long row)
        {
            float* x = X + row * C, y = Y + row * C;
            float max = Elementwise.Max(C, x);
            float sum = Log ? SumOfExponentials(x, max) : StoreExponentials(x, y, max);
            float shift = Log ? max + MathF.Log(sum) : 0, factor = 1 / sum;
            V shifts = V.Create(shift), factors = V.Create(factor);
            int c = 0;
            for (; c + V.Count <= C; c += V.Count)
                (Log ? V.Load(x + c) - shifts : V.Load(y + c) * factors).Store(y + c);
            for (; c < C; c++)
                y[c] = Log ? x[c] - shift : y[c] * factor;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly float StoreExponentials(float* x, float* y, float max)
        {
            V lanes = V.Zero, shift = V.Create(max);
            int c = 0;
            for (; c + V.Count <= C; c += V.Count)
            {
                V e = VectorMath.Exp(V.Load(x + c) - shift);
                e.Store(y + c);
                lanes += e;
            }
            float sum = V.Sum(lanes);
            for (; c < C; c++)
            {
                y[c] = MathF.Exp(x[c] - max);
                sum += y[c];
            }
            return sum;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly float SumOfExponentials(float* x, float max)
        {
            V lanes = V.Zero, shift = V.Create(max);
            int c = 0;
            for (; c + V.Count <= C; c += V.Count)
                lanes += VectorMath.Exp(V.Load(x + c) - shift);
            float sum = V.Sum(lanes);
            for (; c < C; c++)
                sum += MathF.Exp(x[c] - max);
            return sum;
        }
    }

    private struct BackwardRow<V> : IRowWork
        where V : unmanaged, ILanes<V>
    {
        public int C;
        public bool Log;
        public float* Y, Dy, Dx;
        public float Beta;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Row(long row)
        {
            float* y = Y + row * C, dy = Dy + row * C, dx = Dx + row * C;
            float sum = Sum(y, dy);
            V sums = V.Create(sum), beta = V.Create(Beta);
            int c = 0;
            for (; c + V.Count <= C; c += V.Count)
            {
                V outputs = V.Load(y + c), upstream = V.Load(dy + c);
                V d = Log ? upstream - VectorMath.Exp(outputs) * sums : outputs * (upstream - sums);
                (Beta == 0 ? d : d + beta * V.Load(dx + c)).Store(dx + c);
            }
            for (; c < C; c++)
            {
                float d = Log ? dy[c] - MathF.Exp(y[c]) * sum : y[c] * (dy[c] - sum);
                dx[c] = Beta == 0 ? d : d + Beta * dx[c];
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly float Sum(float* y, float* dy)
        {
            V lanes = V.Zero;
            int c = 0;
            for (; c + V.Count <= C; c += V.Count)
                lanes += Log ? V.Load(dy + c) : V.Load(dy + c) * V.Load(y + c);
            float sum = V.Sum(lanes);
            for (; c < C; c++)
                sum += Log ? dy[c] : dy[c] * y[c];
            return sum;
        }
    }
}
