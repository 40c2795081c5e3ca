using System.Numerics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Two passes for the statistics (mean, then squares about it), one to normalise.</summary>
internal sealed unsafe class CpuBatchNormKernels : BatchNormKernels
{
    public override void Forward(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<float> movingMean,
        DevicePtr<float> movingVariance, DevicePtr<float> y, DevicePtr<float> mean, DevicePtr<float> rstd)
    {
        float* m = mean.Pointer, r = rstd.Pointer;
        if (g.Training)
            Statistics(g, x.Pointer, m, r);
        float factor = (float)g.MovingFactor;
        for (int c = 0; c < g.C; c++)
        {
            float variance = g.Training ? r[c] : movingVariance.Pointer[c];
            m[c] = g.Training ? m[c] : movingMean.Pointer[c];
            r[c] = (float)(1 / Math.Sqrt((double)variance + g.Epsilon));
            if (!g.Training)
                continue;
            movingMean.Pointer[c] = movingMean.Pointer[c] * g.Momentum + m[c] * (1 - g.Momentum);
            movingVariance.Pointer[c] = movingVariance.Pointer[c] * g.Momentum + variance * factor * (1 - g.Momentum);
        }
        RowBlocks.For(g.Rows, 2L * g.C, new Normalize { C = g.C, X = x.Pointer, Scale = scale.Pointer, Shift = shift.Pointer, Mean = m, Rstd = r, Y = y.Pointer });
    }

    public override void BackwardSums(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> mean, DevicePtr<float> rstd,
        DevicePtr<float> dscale, DevicePtr<float> dshift)
    {
        ColumnSums.Run(g.Rows, g.C, new ColumnSums.Plain { X = dy.Pointer, C = g.C }, dshift.Pointer, 0);
        ColumnSums.Run(g.Rows, g.C, new ScaleTerm { C = g.C, X = x.Pointer, Dy = dy.Pointer, Mean = mean.Pointer, Rstd = rstd.Pointer }, dscale.Pointer, 0);
    }

    public override void BackwardInput(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> scale, DevicePtr<float> mean,
        DevicePtr<float> rstd, DevicePtr<float> dscale, DevicePtr<float> dshift, DevicePtr<float> dx, float beta)
    {
        // Per channel: dx = p dy + q (x - mean) + s, with p, q, s worked out once.
        float* p = Scratch.Rent(ScratchSlot.Partial, 3L * g.C), q = p + g.C, s = q + g.C;
        for (int c = 0; c < g.C; c++)
        {
            p[c] = scale.Pointer[c] * rstd.Pointer[c];
            q[c] = g.Training ? -p[c] * rstd.Pointer[c] * (dscale.Pointer[c] / g.Rows) : 0;
            s[c] = g.Training ? -p[c] * (dshift.Pointer[c] / g.Rows) : 0;
        }
        RowBlocks.For(g.Rows, 2L * g.C, new BackwardRow
        {
            C = g.C, Training = g.Training, X = x.Pointer, Dy = dy.Pointer, Mean = mean.Pointer, P = p, Q = q, S = s, Dx = dx.Pointer, Beta = beta,
        });
    }

    private static void Statistics(in BatchNormGeometry g, float* x, float* mean, float* variance)
    {
        ColumnSums.Run(g.Rows, g.C, new ColumnSums.Plain { X = x, C = g.C }, mean, 0);
        for (int c = 0; c < g.C; c++)
            mean[c] /= g.Rows;
        ColumnSums.Run(g.Rows, g.C, new SquareTerm { C = g.C, X = x, Mean = mean }, variance, 0);
        for (int c = 0; c < g.C; c++)
            variance[c] /= g.Rows;
    }

    private struct SquareTerm : ColumnSums.ITerm
    {
        public int C;
        public float* X, Mean;

        public readonly Vector<float> Lanes(long row, int c)
        {
            Vector<float> d = Vector.Load(X + row * C + c) - Vector.Load(Mean + c);
            return d * d;
        }

        public readonly float One(long row, int c) => (X[row * C + c] - Mean[c]) * (X[row * C + c] - Mean[c]);
    }

    private struct ScaleTerm : ColumnSums.ITerm
    {
        public int C;
        public float* X, Dy, Mean, Rstd;

        public readonly Vector<float> Lanes(long row, int c) =>
            Vector.Load(Dy + row * C + c) * (Vector.Load(X + row * C + c) - Vector.Load(Mean + c)) * Vector.Load(Rstd + c);

        public readonly float One(long row, int c) => Dy[row * C + c] * (X[row * C + c] - Mean[c]) * Rstd[c];
    }

    private struct Normalize : IRowWork
    {
        public int C;
        public float* X, Scale, Shift, Mean, Rstd, Y;

        public readonly void Row(long row)
        {
            float* x = X + row * C, y = Y + row * C;
            int c = 0;
            for (; c + Vector<float>.Count <= C; c += Vector<float>.Count)
                ((Vector.Load(x + c) - Vector.Load(Mean + c)) * (Vector.Load(Rstd + c) * Vector.Load(Scale + c)) + Vector.Load(Shift + c)).Store(y + c);
            for (; c < C; c++)
                y[c] = (x[c] - Mean[c]) * (Rstd[c] * Scale[c]) + Shift[c];
        }
    }

    private struct BackwardRow : IRowWork
    {
        public int C;
        public bool Training;
        public float Beta;
        public float* X, Dy, Mean, P, Q, S, Dx;

        public readonly void Row(long row)
        {
            float* x = X + row * C, dy = Dy + row * C, dx = Dx + row * C;
            int c = 0;
            for (; c + Vector<float>.Count <= C; c += Vector<float>.Count)
            {
                Vector<float> d = Vector.Load(P + c) * Vector.Load(dy + c);
                if (Training)
                    d += Vector.Load(Q + c) * (Vector.Load(x + c) - Vector.Load(Mean + c)) + Vector.Load(S + c);
                (Beta == 0 ? d : d + Beta * Vector.Load(dx + c)).Store(dx + c);
            }
            for (; c < C; c++)
            {
                float d = P[c] * dy[c];
                if (Training)
                    d += Q[c] * (x[c] - Mean[c]) + S[c];
                dx[c] = Beta == 0 ? d : d + Beta * dx[c];
            }
        }
    }
}
