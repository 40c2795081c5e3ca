using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Lanes hold neighbouring channels; rows of the output (backward: of the input) run side by side.</summary>
internal sealed unsafe class CpuPool2DKernels : Pool2DKernels
{
    public override void MaxForward(in Pool2DGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<int> winners)
    {
        long rows = (long)g.N * g.OutH, work = (long)g.OutW * g.C * g.R * g.S;
        if (winners.IsNull)
            RowBlocks.For(rows, work, new LargestRow { G = g, OutH = g.OutH, OutW = g.OutW, X = x.Pointer, Y = y.Pointer });
        else
            RowBlocks.For(rows, work, new MaxRow { G = g, OutH = g.OutH, OutW = g.OutW, X = x.Pointer, Y = y.Pointer, Winners = winners.Pointer });
    }

    public override void MaxBackward(in Pool2DGeometry g, DevicePtr<float> dy, DevicePtr<int> winners, DevicePtr<float> dx, float beta) =>
        RowBlocks.For((long)g.N * g.H, (long)g.W * g.C * 4, new BackwardRow { G = g, OutH = g.OutH, OutW = g.OutW, Dy = dy.Pointer, Winners = winners.Pointer, Dx = dx.Pointer, Beta = beta });

    public override void AverageForward(in Pool2DGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        RowBlocks.For((long)g.N * g.OutH, (long)g.OutW * g.C * g.R * g.S, new AverageRow { G = g, OutH = g.OutH, OutW = g.OutW, X = x.Pointer, Y = y.Pointer });

    public override void AverageBackward(in Pool2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        RowBlocks.For((long)g.N * g.H, (long)g.W * g.C * 4, new BackwardRow { G = g, OutH = g.OutH, OutW = g.OutW, Dy = dy.Pointer, Dx = dx.Pointer, Beta = beta });

    private struct MaxRow : IRowWork
    {
        public Pool2DGeometry G;
        public int OutH, OutW;
        public float* X, Y;
        public int* Winners;

        public readonly void Row(long row)
        {
            int p = (int)(row % OutH);
            (int top, int bottom) = G.Rows(p);
            for (int q = 0; q < OutW; q++)
            {
                (int left, int right) = G.Columns(q);
                long at = (row * OutW + q) * G.C;
                float* x = X + ((row / OutH * G.H + top) * G.W + left) * G.C;
                int place = (top - p * G.StrideH + G.Padding.Top) * G.S + left - q * G.StrideW + G.Padding.Left;
                int c = Lanes(x, bottom - top, right - left, (nint)G.W * G.C, place, Y + at, Winners + at);
                for (; c < G.C; c++)
                    One(row / OutH, p, q, c, at + c);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly int Lanes(float* x, int height, int width, nint pitch, int firstPlace, float* y, int* winners)
        {
            int c = 0;
            for (; c + Vector512<float>.Count <= G.C; c += Vector512<float>.Count)
            {
                Vector512<float> best = Vector512.Load(x + c);
                Vector512<int> winner = Vector512.Create(firstPlace);
                float* line = x + c;
                for (int h = 0; h < height; h++, line += pitch)
                {
                    for (int v = 0; v < width; v++)
                    {
                        Vector512<float> value = Vector512.Load(line + v * G.C);
                        Vector512<float> wins = Vector512.GreaterThan(value, best) | ~Vector512.Equals(value, value);
                        best = Vector512.ConditionalSelect(wins, value, best);
                        winner = Vector512.ConditionalSelect(wins.AsInt32(), Vector512.Create(firstPlace + h * G.S + v), winner);
                    }
                }
                best.Store(y + c);
                winner.Store(winners + c);
            }
            return c;
        }

        private readonly void One(long n, int p, int q, int c, long at)
        {
            (int top, int bottom) = G.Rows(p);
            (int left, int right) = G.Columns(q);
            int h0 = p * G.StrideH - G.Padding.Top, v0 = q * G.StrideW - G.Padding.Left, winner = (top - h0) * G.S + left - v0;
            float best = X[((n * G.H + top) * G.W + left) * G.C + c];
            for (int h = top; h < bottom; h++)
            {
                for (int v = left; v < right; v++)
                {
                    float value = X[((n * G.H + h) * G.W + v) * G.C + c];
                    if (!(value > best) && !float.IsNaN(value))
                        continue;
                    best = value;
                    winner = (h - h0) * G.S + v - v0;
                }
            }
            Y[at] = best;
            Winners[at] = winner;
        }
    }

    /// <summary>The maximum alone, at the rate of memory.</summary>
    private struct LargestRow : IRowWork
    {
        public Pool2DGeometry G;
        public int OutH, OutW;
        public float* X, Y;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)] // optimal in the first run too: a plan may run once
        public readonly void Row(long row)
        {
            int p = (int)(row % OutH), pitch = G.W * G.C;
            (int top, int bottom) = G.Rows(p);
            float* y = Y + row * OutW * G.C;
            for (int q = 0; q < OutW; q++, y += G.C)
            {
                (int left, int right) = G.Columns(q);
                float* x = X + (row / OutH * G.H + top) * pitch + left * G.C;
                Window(x, bottom - top, right - left, pitch, y);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void Window(float* x, int height, int width, nint pitch, float* y)
        {
            int c = 0;
            if (height == 2 && width == 2) // most poolings: four streams, read once
            {
                float* right = x + G.C, below = x + pitch, across = below + G.C;
                for (; c + Vector512<float>.Count <= G.C; c += Vector512<float>.Count)
                {
                    Vector512<float> top = Larger(Vector512.Load(right + c), Vector512.Load(x + c));
                    Larger(Vector512.Load(across + c), Larger(Vector512.Load(below + c), top)).Store(y + c);
                }
            }
            for (; c + Vector512<float>.Count <= G.C; c += Vector512<float>.Count)
            {
                Vector512<float> best = Vector512.Load(x + c);
                float* line = x + c;
                for (int h = 0; h < height; h++, line += pitch)
                {
                    for (int v = 0; v < width; v++)
                        best = Larger(Vector512.Load(line + v * G.C), best);
                }
                best.Store(y + c);
            }
            for (; c < G.C; c++)
            {
                float best = x[c];
                for (int i = 0; i < height * width; i++)
                {
                    float value = x[i / width * pitch + i % width * G.C + c];
                    best = value > best || float.IsNaN(value) ? value : best;
                }
                y[c] = best;
            }
        }

        private static Vector512<float> Larger(Vector512<float> value, Vector512<float> best) =>
            Vector512.ConditionalSelect(Vector512.GreaterThan(value, best) | ~Vector512.Equals(value, value), value, best);
    }

    private struct AverageRow : IRowWork
    {
        public Pool2DGeometry G;
        public int OutH, OutW;
        public float* X, Y;

        public readonly void Row(long row)
        {
            int p = (int)(row % OutH);
            long n = row / OutH;
            (int top, int bottom) = G.Rows(p);
            for (int q = 0; q < OutW; q++)
            {
                (int left, int right) = G.Columns(q);
                float* y = Y + (row * OutW + q) * G.C;
                float factor = 1f / G.Divisor(p, q);
                Cpu.Row.Begin(y, G.C, 0);
                for (int h = top; h < bottom; h++)
                {
                    for (int v = left; v < right; v++)
                        Cpu.Row.AddScaled(X + ((n * G.H + h) * G.W + v) * G.C, factor, y, G.C);
                }
            }
        }
    }

    /// <summary>A row of dx gathers from the windows that cover it, in row-major order: nothing is written twice.</summary>
    private struct BackwardRow : IRowWork
    {
        public Pool2DGeometry G;
        public int OutH, OutW;
        public float* Dy, Dx;

        /// <summary>Null for the average.</summary>
        public int* Winners;
        public float Beta;

        public readonly void Row(long row)
        {
            int h = (int)(row % G.H);
            (int pFrom, int pTo) = G.WindowRows(h);
            for (int v = 0; v < G.W; v++)
            {
                float* dx = Dx + (row * G.W + v) * G.C;
                Cpu.Row.Begin(dx, G.C, Beta);
                (int qFrom, int qTo) = G.WindowColumns(v);
                for (int p = pFrom; p < pTo; p++)
                {
                    for (int q = qFrom; q < qTo; q++)
                    {
                        long at = ((row / G.H * OutH + p) * OutW + q) * G.C;
                        if (Winners == null)
                            Cpu.Row.AddScaled(Dy + at, 1f / G.Divisor(p, q), dx, G.C);
                        else
                            AddWon(Dy + at, Winners + at, (h - p * G.StrideH + G.Padding.Top) * G.S + v - q * G.StrideW + G.Padding.Left, dx);
                    }
                }
            }
        }

        private readonly void AddWon(float* dy, int* winners, int place, float* dx)
        {
            int c = 0;
            var places = new Vector<int>(place);
            for (; c + Vector<float>.Count <= G.C; c += Vector<float>.Count)
            {
                Vector<float> won = Vector.ConditionalSelect(Vector.Equals(Vector.Load(winners + c), places), Vector.Load(dy + c), Vector<float>.Zero);
                (Vector.Load(dx + c) + won).Store(dx + c);
            }
            for (; c < G.C; c++)
                dx[c] += winners[c] == place ? dy[c] : 0;
        }
    }
}
