using System.Runtime.Intrinsics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Reductions of [Outer,R,Inner] over R, which covers all that layers and losses ask for. The rare rest (reduced axes on both
/// sides of a kept one) goes through the plain loops.
/// </summary>
internal sealed unsafe class CpuReduceKernels : ReduceKernels
{
    private static readonly ReferenceReduceKernels s_plain = new();

    public override void Forward(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y, float beta)
    {
        if (!TryView(g, out View v) || g.Extents.Product == 0)
        {
            s_plain.Forward(g, x, y, beta);
            return;
        }
        switch (g.Formula)
        {
            case ReduceFormula.Max: Reduce<Largest>(v, x.Pointer, y.Pointer, 1, beta); break;
            case ReduceFormula.Min: Reduce<Smallest>(v, x.Pointer, y.Pointer, 1, beta); break;
            default: Reduce<Total>(v, x.Pointer, y.Pointer, g.Formula == ReduceFormula.Mean ? v.R : 1, beta); break;
        }
    }

    public override void BackwardInput(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        if (!TryView(g, out View v) || g.Formula is ReduceFormula.Max or ReduceFormula.Min)
        {
            s_plain.BackwardInput(g, x, y, dy, dx, beta);
            return;
        }
        var body = new Spread { V = v, Dy = dy.Pointer, Dx = dx.Pointer, Scale = g.Formula == ReduceFormula.Mean ? 1f / v.R : 1, Beta = beta };
        ParallelRows.Run(checked((int)(v.Outer * v.R)), ParallelRows.RowsPerChunk(v.Inner), body);
    }

    private static void Reduce<T>(in View v, float* x, float* y, double divisor, float beta)
        where T : IReduction
    {
        const int Columns = 256;
        long rows = Math.Max(1, 65536 / Math.Min(v.Inner, Columns)); // of R a chunk: fixed by the sizes, so the order of a sum is too
        long parts = (v.R + rows - 1) / rows, columnBlocks = (v.Inner + Columns - 1) / Columns;
        double* partial = (double*)Scratch.Rent(ScratchSlot.Partial, 2 * v.Outer * parts * v.Inner);
        var body = new Partial<T> { V = v, X = x, Sums = partial, Rows = rows, Parts = parts, Columns = Columns, ColumnBlocks = columnBlocks };
        ParallelRows.Run(checked((int)(v.Outer * parts * columnBlocks)), ParallelRows.RowsPerChunk(Math.Min(rows, v.R) * Math.Min(v.Inner, Columns)), body);
        for (long o = 0; o < v.Outer; o++)
        {
            for (long i = 0; i < v.Inner; i++)
            {
                double sum = T.Start;
                for (long p = 0; p < parts; p++)
                    sum = T.Combine(sum, partial[(o * parts + p) * v.Inner + i]);
                BetaStore.Store(ref y[o * v.Inner + i], sum / divisor, beta);
            }
        }
    }

    private static bool TryView(in ReduceGeometry g, out View view)
    {
        Axes e = g.Extents;
        int first = g.FirstReduced ? 0 : 1;
        view = new View(first == 0 || e.Rank == 0 ? 1 : e[0], first < e.Rank ? e[first] : 1, first + 1 < e.Rank ? e[first + 1] : 1);
        return e.Rank <= first + 2;
    }

    private readonly record struct View(long Outer, long R, long Inner);

    private interface IReduction
    {
        static abstract double Start { get; }

        static abstract double Combine(double a, double b);

        static abstract Vector512<double> Combine(Vector512<double> a, Vector512<double> b);
    }

    private readonly struct Total : IReduction
    {
        public static double Start => 0;

        public static double Combine(double a, double b) => a + b;

        public static Vector512<double> Combine(Vector512<double> a, Vector512<double> b) => a + b;
    }

    private readonly struct Largest : IReduction
    {
        public static double Start => double.NegativeInfinity;

        public static double Combine(double a, double b) => Math.Max(a, b);

        public static Vector512<double> Combine(Vector512<double> a, Vector512<double> b) => Vector512.Max(a, b);
    }

    private readonly struct Smallest : IReduction
    {
        public static double Start => double.PositiveInfinity;

        public static double Combine(double a, double b) => Math.Min(a, b);

        public static Vector512<double> Combine(Vector512<double> a, Vector512<double> b) => Vector512.Min(a, b);
    }

    /// <summary>One item: some rows of R by some columns of Inner, to one double a column.</summary>
    private struct Partial<T> : IRowBody
        where T : IReduction
    {
        public View V;
        public float* X;
        public double* Sums;
        public long Rows, Parts, Columns, ColumnBlocks;

        public readonly void Run(int first, int end)
        {
            for (long item = first; item < end; item++)
            {
                long column = item % ColumnBlocks * Columns, part = item / ColumnBlocks, start = part % Parts * Rows;
                int width = (int)Math.Min(Columns, V.Inner - column), rows = (int)Math.Min(Rows, V.R - start);
                float* x = X + (part / Parts * V.R + start) * V.Inner + column;
                double* sums = Sums + part * V.Inner + column;
                if (V.Inner == 1)
                    *sums = Row(x, rows);
                else
                    Block(x, rows, width, sums);
            }
        }

        private static double Row(float* x, int count)
        {
            Vector512<double> low = Vector512.Create(T.Start), high = low;
            int i = 0;
            for (; i <= count - 16; i += 16)
            {
                (Vector512<double> a, Vector512<double> b) = Vector512.Widen(Vector512.Load(x + i));
                low = T.Combine(low, a);
                high = T.Combine(high, b);
            }
            low = T.Combine(low, high);
            double result = T.Start;
            for (int lane = 0; lane < Vector512<double>.Count; lane++)
                result = T.Combine(result, low[lane]);
            for (; i < count; i++)
                result = T.Combine(result, x[i]);
            return result;
        }

        private readonly void Block(float* x, int rows, int width, double* sums)
        {
            new Span<double>(sums, width).Fill(T.Start);
            for (int r = 0; r < rows; r++, x += V.Inner)
            {
                int i = 0;
                for (; i <= width - 16; i += 16)
                {
                    (Vector512<double> a, Vector512<double> b) = Vector512.Widen(Vector512.Load(x + i));
                    T.Combine(Vector512.Load(sums + i), a).Store(sums + i);
                    T.Combine(Vector512.Load(sums + i + 8), b).Store(sums + i + 8);
                }
                for (; i < width; i++)
                    sums[i] = T.Combine(sums[i], x[i]);
            }
        }
    }

    /// <summary>Each row of dx gets dy times a factor.</summary>
    private struct Spread : IRowBody
    {
        public View V;
        public float* Dy, Dx;
        public float Scale, Beta;

        public readonly void Run(int first, int end)
        {
            for (long row = first; row < end; row++)
            {
                float* dy = Dy + row / V.R * V.Inner, dx = Dx + row * V.Inner;
                long i = 0;
                for (; i <= V.Inner - 16; i += 16)
                {
                    Vector512<float> share = Vector512.Load(dy + i) * Vector512.Create(Scale);
                    (Beta == 0 ? share : share + Vector512.Create(Beta) * Vector512.Load(dx + i)).Store(dx + i);
                }
                for (; i < V.Inner; i++)
                    dx[i] = Beta == 0 ? dy[i] * Scale : Beta * dx[i] + dy[i] * Scale;
            }
        }
    }
}
