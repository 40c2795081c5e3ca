using System.Numerics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Layer normalisation row by row, on vectors whose lanes hold neighbouring columns; the tail of a row is done one by one by the same formula. The mean is known before the squares about it are
/// summed: the mean of squares less the square of the mean would lose its digits where the mean is large.
/// </summary>
internal sealed unsafe class CpuLayerNormKernels : LayerNormKernels
{
    public override void Forward(
        in LayerNormGeometry g, DevicePtr<float> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<float> y,
        DevicePtr<float> mean, DevicePtr<float> rstd) =>
        RowBlocks.For(g.Rows, 3L * g.C, new ForwardRow
        {
            C = g.C, Epsilon = g.Epsilon, X = x.Pointer, Scale = scale.Pointer, Shift = shift.Pointer, Y = y.Pointer, Mean = mean.Pointer, Rstd = rstd.Pointer,
        });

    public override void BackwardInput(
        in LayerNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> scale, DevicePtr<float> mean,
        DevicePtr<float> rstd, DevicePtr<float> dx, float beta) =>
        RowBlocks.For(g.Rows, 4L * g.C, new BackwardRow
        {
            C = g.C, X = x.Pointer, Dy = dy.Pointer, Scale = scale.Pointer, Mean = mean.Pointer, Rstd = rstd.Pointer, Dx = dx.Pointer, Beta = beta,
        });

    public override void BackwardScale(
        in LayerNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> mean, DevicePtr<float> rstd,
        DevicePtr<float> dscale, float beta) =>
        ColumnSums.Run(g.Rows, g.C, new ScaleTerm { C = g.C, X = x.Pointer, Dy = dy.Pointer, Mean = mean.Pointer, Rstd = rstd.Pointer }, dscale.Pointer, beta);

    public override void BackwardShift(in LayerNormGeometry g, DevicePtr<float> dy, DevicePtr<float> dshift, float beta) =>
        ColumnSums.Run(g.Rows, g.C, new ColumnSums.Plain { X = dy.Pointer, C = g.C }, dshift.Pointer, beta);

    private struct ScaleTerm : ColumnSums.ITerm
    {
        public int C;
        public float* X, Dy, Mean, Rstd;

        public readonly Vector<float> Lanes(long row, int c) =>
            Vector.Load(Dy + row * C + c) * (Vector.Load(X + row * C + c) - new Vector<float>(Mean[row])) * Rstd[row];

        public readonly float One(long row, int c) => Dy[row * C + c] * (X[row * C + c] - Mean[row]) * Rstd[row];
    }

    private struct ForwardRow : IRowWork
    {
        public int C;
        public float Epsilon;
        public float* X, Scale, Shift, Y, Mean, Rstd;

        public readonly void Row(long row)
        {
            float* x = X + row * C, y = Y + row * C;
            Vector<float> sums = Vector<float>.Zero, squares = Vector<float>.Zero;
            int whole = C - C % Vector<float>.Count;
            for (int c = 0; c < whole; c += Vector<float>.Count)
                sums += Vector.Load(x + c);
            float sum = Vector.Sum(sums), square = 0;
            for (int c = whole; c < C; c++)
                sum += x[c];
            float mean = sum / C;
            var means = new Vector<float>(mean);
            for (int c = 0; c < whole; c += Vector<float>.Count)
            {
                Vector<float> d = Vector.Load(x + c) - means;
                squares += d * d;
            }
            for (int c = whole; c < C; c++)
                square += (x[c] - mean) * (x[c] - mean);
            float rstd = 1 / MathF.Sqrt((Vector.Sum(squares) + square) / C + Epsilon);
            for (int c = 0; c < whole; c += Vector<float>.Count)
                ((Vector.Load(x + c) - means) * rstd * Vector.Load(Scale + c) + Vector.Load(Shift + c)).Store(y + c);
            for (int c = whole; c < C; c++)
                y[c] = (x[c] - mean) * rstd * Scale[c] + Shift[c];
            Mean[row] = mean;
            Rstd[row] = rstd;
        }
    }

    private struct BackwardRow : IRowWork
    {
        public int C;
        public float Beta;
        public float* X, Dy, Scale, Mean, Rstd, Dx;

        public readonly void Row(long row)
        {
            float* x = X + row * C, dy = Dy + row * C, dx = Dx + row * C;
            float mean = Mean[row], rstd = Rstd[row];
            var means = new Vector<float>(mean);
            Vector<float> sums = Vector<float>.Zero, products = Vector<float>.Zero;
            int whole = C - C % Vector<float>.Count;
            for (int c = 0; c < whole; c += Vector<float>.Count)
            {
                Vector<float> d = Vector.Load(dy + c) * Vector.Load(Scale + c);
                sums += d;
                products += d * (Vector.Load(x + c) - means) * rstd;
            }
            float sum = Vector.Sum(sums), product = Vector.Sum(products);
            for (int c = whole; c < C; c++)
            {
                sum += dy[c] * Scale[c];
                product += dy[c] * Scale[c] * (x[c] - mean) * rstd;
            }
            (sum, product) = (sum / C, product / C);
            for (int c = 0; c < whole; c += Vector<float>.Count)
            {
                Vector<float> d = Vector.Load(dy + c) * Vector.Load(Scale + c);
                d = (d - new Vector<float>(sum) - (Vector.Load(x + c) - means) * (rstd * product)) * rstd;
                (Beta == 0 ? d : d + Beta * Vector.Load(dx + c)).Store(dx + c);
            }
            for (int c = whole; c < C; c++)
            {
                float d = (dy[c] * Scale[c] - sum - (x[c] - mean) * (rstd * product)) * rstd;
                dx[c] = Beta == 0 ? d : d + Beta * dx[c];
            }
        }
    }
}
