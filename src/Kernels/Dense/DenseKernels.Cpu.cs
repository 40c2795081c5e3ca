using System.Numerics;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>Blocked matrix products; a single row goes over the weight once, as a stream.</summary>
internal sealed unsafe class CpuDenseKernels : DenseKernels
{
    /// <summary>Up to this many rows, packing the weight would cost more than it saves.</summary>
    private const int FewRows = 4;

    public override void Forward(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y)
    {
        if (g.N > FewRows)
        {
            Gemm.Run(false, false, g.N, g.O, g.I, x.Pointer, g.I, w.Pointer, g.O, y.Pointer, g.O, 0, b.Pointer);
            return;
        }
        var body = new Stream { G = g, X = x.Pointer, W = w.Pointer, B = b.Pointer, Y = y.Pointer };
        WorkerPool.For((g.O + Stream.Columns - 1) / Stream.Columns, ref body);
    }

    public override void BackwardInput(in DenseGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta) =>
        Gemm.Run(false, true, g.N, g.I, g.O, dy.Pointer, g.O, w.Pointer, g.O, dx.Pointer, g.I, beta);

    public override void BackwardWeight(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta) =>
        Gemm.Run(true, false, g.I, g.O, g.N, x.Pointer, g.I, dy.Pointer, g.O, dw.Pointer, g.O, beta);

    public override void BackwardBias(in DenseGeometry g, DevicePtr<float> dy, DevicePtr<float> db, float beta) =>
        ColumnSums.Run(g.N, g.O, new ColumnSums.Plain { X = dy.Pointer, C = g.O }, db.Pointer, beta);

    /// <summary>Columns of a few rows: y += x[i] times row i of the weight, four rows of it at a time.</summary>
    private struct Stream : IChunkBody
    {
        public const int Columns = 256; // 1 KiB of a weight row: long enough to stream, y stays in the L1 cache
        public DenseGeometry G;
        public float* X, W, B, Y;

        public readonly void Run(int chunk)
        {
            int from = chunk * Columns, count = Math.Min(Columns, G.O - from);
            for (int n = 0; n < G.N; n++)
            {
                float* y = Y + (long)n * G.O + from, x = X + (long)n * G.I;
                if (B == null)
                    new Span<float>(y, count).Clear();
                else
                    new ReadOnlySpan<float>(B + from, count).CopyTo(new Span<float>(y, count));
                int i = 0;
                for (; i + 4 <= G.I; i += 4)
                    Add4(x + i, W + (long)i * G.O + from, y, count);
                for (; i < G.I; i++)
                {
                    for (int j = 0; j < count; j++)
                        y[j] += x[i] * W[(long)i * G.O + from + j];
                }
            }
        }

        private readonly void Add4(float* x, float* w, float* y, int count)
        {
            float* w1 = w + G.O, w2 = w1 + G.O, w3 = w2 + G.O;
            Vector<float> x0 = new(x[0]), x1 = new(x[1]), x2 = new(x[2]), x3 = new(x[3]);
            int j = 0;
            for (; j + Vector<float>.Count <= count; j += Vector<float>.Count)
            {
                Vector<float> sum = x0 * Vector.Load(w + j) + x1 * Vector.Load(w1 + j) + (x2 * Vector.Load(w2 + j) + x3 * Vector.Load(w3 + j));
                (Vector.Load(y + j) + sum).Store(y + j);
            }
            for (; j < count; j++)
                y[j] += x[0] * w[j] + x[1] * w1[j] + (x[2] * w2[j] + x[3] * w3[j]);
        }
    }
}
