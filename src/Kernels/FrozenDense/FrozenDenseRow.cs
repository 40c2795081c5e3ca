using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// One row times frozen weights: a panel [K][two vectors] after the other, read in one stream as fast as memory gives it. Even and odd k have sums of
/// their own, so that additions do not wait for each other.
/// </summary>
internal static unsafe class FrozenDenseRow
{
    /// <summary>Floats ahead of the weights in use that are asked for: the processor's own look-ahead ends at each page.</summary>
    private const int Ahead = 2048;

    /// <summary>Chunks a thread: few, since memory likes long streams; enough that a thread that is disturbed does less.</summary>
    private const int ChunksPerThread = 3;

    /// <summary>y [O] = act(b + residual + x w), with ReLU or nothing as act; columns of a panel: two vectors.</summary>
    public static void Run(in FrozenDenseGeometry g, int columns, float* x, float* packed, float* b, float* residual, float* y)
    {
        int panels = (g.O + columns - 1) / columns, chunks = Math.Min(panels, WorkerPool.Threads * ChunksPerThread);
        LaneWidth.Run(columns * sizeof(float) * 8 / 2, new Work
        {
            K = g.K, O = g.O, IsReLU = g.Activation == UnaryFormula.ReLU, Panels = panels, PanelsPerChunk = (panels + chunks - 1) / chunks, X = x, Packed = packed, B = b,
            Residual = residual, Y = y,
        });
    }

    private struct Work : ILaneWork
    {
        public int K, O, Panels, PanelsPerChunk;
        public bool IsReLU;
        public float* X, Packed, B, Residual, Y;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V>
        {
            var body = new Chunk<V> { Of = this };
            int chunks = (Panels + PanelsPerChunk - 1) / PanelsPerChunk;
            if ((long)K * O >= FusedConv2DProduct.SmallestThreadedRun / 4) // memory is the limit: smaller work pays than where arithmetic is
            {
                WorkerPool.For(chunks, ref body);
                return;
            }
            for (int chunk = 0; chunk < chunks; chunk++)
                body.Run(chunk);
        }
    }

    /// <summary>Some panels.</summary>
    private struct Chunk<V> : IChunkBody
        where V : unmanaged, ILanes<V>
    {
        public Work Of;

        public readonly void Run(int chunk)
        {
            int first = chunk * Of.PanelsPerChunk, end = Math.Min(first + Of.PanelsPerChunk, Of.Panels);
            float* sums = stackalloc float[2 * V.Count];
            for (int panel = first; panel < end; panel++)
            {
                int o = panel * 2 * V.Count, width = Math.Min(2 * V.Count, Of.O - o);
                Panel(Of.Packed + (long)o * Of.K, sums);
                for (int j = 0; j < width; j++)
                {
                    float sum = sums[j] + (Of.B == null ? 0 : Of.B[o + j]) + (Of.Residual == null ? 0 : Of.Residual[o + j]);
                    Of.Y[o + j] = Of.IsReLU && sum < 0 ? 0 : sum;
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Panel(float* w, float* sums)
        {
            V even0 = V.Zero, even1 = V.Zero, odd0 = V.Zero, odd1 = V.Zero;
            int k = 0;
            for (; k + 2 <= Of.K; k += 2, w += 4 * V.Count)
            {
                if (Sse.IsSupported)
                {
                    for (int line = 0; line < 4 * V.Count; line += 16)
                        Sse.Prefetch0(w + Ahead + line);
                }
                V x0 = V.Create(Of.X[k]), x1 = V.Create(Of.X[k + 1]);
                even0 = V.MultiplyAdd(x0, V.Load(w), even0);
                even1 = V.MultiplyAdd(x0, V.Load(w + V.Count), even1);
                odd0 = V.MultiplyAdd(x1, V.Load(w + 2 * V.Count), odd0);
                odd1 = V.MultiplyAdd(x1, V.Load(w + 3 * V.Count), odd1);
            }
            if (k < Of.K)
            {
                V x0 = V.Create(Of.X[k]);
                even0 = V.MultiplyAdd(x0, V.Load(w), even0);
                even1 = V.MultiplyAdd(x0, V.Load(w + V.Count), even1);
            }
            (even0 + odd0).Store(sums);
            (even1 + odd1).Store(sums + V.Count);
        }
    }
}
