using System.Numerics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed unsafe class CpuSoftmaxKernels : SoftmaxKernels
{
    public override void Forward(in SoftmaxGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        RowBlocks.For(g.Rows, 4L * g.C, new ForwardRow { C = g.C, Log = g.Log, X = x.Pointer, Y = y.Pointer });

    public override void BackwardInput(in SoftmaxGeometry g, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        RowBlocks.For(g.Rows, 2L * g.C, new BackwardRow { C = g.C, Log = g.Log, Y = y.Pointer, Dy = dy.Pointer, Dx = dx.Pointer, Beta = beta });

    private struct ForwardRow : IRowWork
    {
        public int C;
        public bool Log;
        public float* X, Y;

        public readonly void Row(long row)
        {
            float* x = X + row * C, y = Y + row * C;
            float max = Max(x);
            float sum = Log ? SumOfExponentials(x, max) : StoreExponentials(x, y, max);
            float shift = Log ? max + MathF.Log(sum) : 0, factor = 1 / sum;
            int c = 0;
            for (; c + Vector<float>.Count <= C; c += Vector<float>.Count)
                (Log ? Vector.Load(x + c) - new Vector<float>(shift) : Vector.Load(y + c) * factor).Store(y + c);
            for (; c < C; c++)
                y[c] = Log ? x[c] - shift : y[c] * factor;
        }

        private readonly float Max(float* x)
        {
            var lanes = new Vector<float>(float.NegativeInfinity);
            int c = 0;
            for (; c + Vector<float>.Count <= C; c += Vector<float>.Count)
                lanes = Vector.Max(lanes, Vector.Load(x + c));
            float max = float.NegativeInfinity;
            for (int lane = 0; lane < Vector<float>.Count; lane++)
                max = Math.Max(max, lanes[lane]);
            for (; c < C; c++)
                max = Math.Max(max, x[c]);
            return max;
        }

        private readonly float StoreExponentials(float* x, float* y, float max)
        {
            Vector<float> lanes = Vector<float>.Zero;
            int c = 0;
            for (; c + Vector<float>.Count <= C; c += Vector<float>.Count)
            {
                Vector<float> e = Vector.Exp(Vector.Load(x + c) - new Vector<float>(max));
                e.Store(y + c);
                lanes += e;
            }
            float sum = Vector.Sum(lanes);
            for (; c < C; c++)
            {
                y[c] = MathF.Exp(x[c] - max);
                sum += y[c];
            }
            return sum;
        }

        private readonly float SumOfExponentials(float* x, float max)
        {
            Vector<float> lanes = Vector<float>.Zero;
            int c = 0;
            for (; c + Vector<float>.Count <= C; c += Vector<float>.Count)
                lanes += Vector.Exp(Vector.Load(x + c) - new Vector<float>(max));
            float sum = Vector.Sum(lanes);
            for (; c < C; c++)
                sum += MathF.Exp(x[c] - max);
            return sum;
        }
    }

    private struct BackwardRow : IRowWork
    {
        public int C;
        public bool Log;
        public float* Y, Dy, Dx;
        public float Beta;

        public readonly void Row(long row)
        {
            float* y = Y + row * C, dy = Dy + row * C, dx = Dx + row * C;
            float sum = Sum(y, dy);
            int c = 0;
            for (; c + Vector<float>.Count <= C; c += Vector<float>.Count)
            {
                Vector<float> outputs = Vector.Load(y + c), upstream = Vector.Load(dy + c);
                Vector<float> d = Log ? upstream - Vector.Exp(outputs) * sum : outputs * (upstream - new Vector<float>(sum));
                (Beta == 0 ? d : d + Beta * Vector.Load(dx + c)).Store(dx + c);
            }
            for (; c < C; c++)
            {
                float d = Log ? dy[c] - MathF.Exp(y[c]) * sum : y[c] * (dy[c] - sum);
                dx[c] = Beta == 0 ? d : d + Beta * dx[c];
            }
        }

        private readonly float Sum(float* y, float* dy)
        {
            Vector<float> lanes = Vector<float>.Zero;
            int c = 0;
            for (; c + Vector<float>.Count <= C; c += Vector<float>.Count)
                lanes += Log ? Vector.Load(dy + c) : Vector.Load(dy + c) * Vector.Load(y + c);
            float sum = Vector.Sum(lanes);
            for (; c < C; c++)
                sum += Log ? dy[c] : dy[c] * y[c];
            return sum;
        }
    }
}
