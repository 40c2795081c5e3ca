using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;
using V = System.Runtime.Intrinsics.Vector512<float>;

namespace Graft.Kernels;

/// <summary>
/// Inner above 1: 16 columns at a time down the reduced axis (global pooling). Inner 1: a row at a time. Sums are taken in
/// blocks of <see cref="Block"/> in float and the blocks added in double, in rising order.
/// </summary>
internal sealed unsafe class CpuReduceKernels : ReduceKernels
{
    private const int Block = 64;
    private const int Lanes = 16;

    public override void Forward(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        var job = new ForwardJob { G = g, X = x.Pointer, Y = y.Pointer };
        WorkerPool.For(g.Outer, ref job);
    }

    public override void Backward(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        var job = new BackwardJob { G = g, X = x.Pointer, Y = y.Pointer, Dy = dy.Pointer, Dx = dx.Pointer, Beta = beta };
        WorkerPool.For(g.Outer, ref job);
    }

    private struct ForwardJob : IChunkBody
    {
        public ReduceGeometry G;
        public float* X, Y;

        public readonly void Run(int outer)
        {
            float* x = X + (long)outer * G.Length * G.Inner, y = Y + (long)outer * G.Inner;
            bool sums = G.Formula is ReduceFormula.Sum or ReduceFormula.Mean;
            double scale = G.Formula == ReduceFormula.Mean ? 1.0 / G.Length : 1;
            if (G.Inner == 1)
            {
                *y = sums ? (float)(Elementwise.Sum(G.Length, x) * scale) : Extreme(x);
                return;
            }
            int i = 0;
            for (; i <= G.Inner - Lanes; i += Lanes)
                (sums ? SumColumns(x + i, scale) : ExtremeColumns(x + i)).Store(y + i);
            for (; i < G.Inner; i++)
                y[i] = sums ? SumColumn(x + i, scale) : ExtremeColumn(x + i);
        }

        private readonly V SumColumns(float* x, double scale)
        {
            Vector512<double> low = Vector512<double>.Zero, high = low;
            for (int first = 0; first < G.Length; first += Block)
            {
                V sum = V.Zero;
                for (int l = first; l < Math.Min(G.Length, first + Block); l++)
                    sum += Vector512.Load(x + (long)l * G.Inner);
                (Vector512<double> a, Vector512<double> b) = Vector512.Widen(sum);
                low += a;
                high += b;
            }
            return Vector512.Narrow(low * scale, high * scale);
        }

        private readonly float SumColumn(float* x, double scale)
        {
            double total = 0;
            for (int first = 0; first < G.Length; first += Block)
            {
                float sum = 0;
                for (int l = first; l < Math.Min(G.Length, first + Block); l++)
                    sum += x[(long)l * G.Inner];
                total += sum;
            }
            return (float)(total * scale);
        }

        private readonly V ExtremeColumns(float* x)
        {
            V best = Vector512.Load(x);
            for (int l = 1; l < G.Length; l++)
            {
                V v = Vector512.Load(x + (long)l * G.Inner);
                best = G.Formula == ReduceFormula.Max ? Vector512.Max(best, v) : Vector512.Min(best, v);
            }
            return best;
        }

        private readonly float ExtremeColumn(float* x)
        {
            float best = *x;
            for (int l = 1; l < G.Length; l++)
            {
                float v = x[(long)l * G.Inner];
                best = G.Formula == ReduceFormula.Max ? MathF.Max(best, v) : MathF.Min(best, v);
            }
            return best;
        }

        private readonly float Extreme(float* x) => G.Formula == ReduceFormula.Max ? Elementwise.Max(G.Length, x) : ExtremeColumn(x);
    }

    private struct BackwardJob : IChunkBody
    {
        public ReduceGeometry G;
        public float* X, Y, Dy, Dx;
        public float Beta;

        public readonly void Run(int outer)
        {
            long block = (long)G.Length * G.Inner;
            float* dx = Dx + outer * block, dy = Dy + (long)outer * G.Inner;
            bool picks = G.Formula is ReduceFormula.Max or ReduceFormula.Min;
            float* x = picks ? X + outer * block : null, y = picks ? Y + (long)outer * G.Inner : null;
            float* share = Scratch.Rent(ScratchSlot.Partial, G.Inner);
            for (int i = 0; i < G.Inner; i++)
                share[i] = dy[i] / (picks ? Winners(x, i, y[i]) : G.Formula == ReduceFormula.Mean ? G.Length : 1);
            for (int l = 0; l < G.Length; l++)
            {
                for (int i = 0; i < G.Inner; i++)
                {
                    long k = (long)l * G.Inner + i;
                    float d = picks && x[k] != y[i] ? 0 : share[i];
                    dx[k] = Beta == 0 ? d : Beta * dx[k] + d;
                }
            }
        }

        private readonly int Winners(float* x, int i, float best)
        {
            int winners = 0;
            for (int l = 0; l < G.Length; l++)
                winners += x[(long)l * G.Inner + i] == best ? 1 : 0;
            return winners;
        }
    }
}
