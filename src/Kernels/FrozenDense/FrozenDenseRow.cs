using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// One row times frozen weights: a panel [K][two vectors] after the other, read in one stream as fast as memory gives it. A sum is made in the
/// order in which the register tiles make it, so that a row has the same bits alone and among others.
/// </summary>
internal static unsafe class FrozenDenseRow
{
    /// <summary>Floats ahead of the weights in use that are asked for: the processor's own look-ahead ends at each page.</summary>
    private const int Ahead = 2048;

    /// <summary>Chunks a thread: few, since memory likes long streams; enough that a thread that is disturbed does less.</summary>
    public const int ChunksPerThread = 3;

    /// <summary>y [O] = act(b + residual + x w), with ReLU or nothing as act. Columns of a panel: two vectors.</summary>
    /// <param name="g">The sizes, of which M is 1.</param>
    /// <param name="columns">Columns of a panel.</param>
    /// <param name="x">[K].</param>
    /// <param name="packed">The packed weights.</param>
    /// <param name="b">[O], or null.</param>
    /// <param name="residual">[O], or null.</param>
    /// <param name="fromResidual">True where sums start at the residual, which is there, and b comes last; a last narrow panel always does it so.</param>
    /// <param name="y">[O].</param>
    public static void Run(in FrozenDenseGeometry g, int columns, float* x, float* packed, float* b, float* residual, bool fromResidual, float* y)
    {
        int panels = (g.O + columns - 1) / columns, chunks = Math.Min(panels, WorkerPool.Threads * ChunksPerThread);
        LaneWidth.Run(columns * sizeof(float) * 8 / 2, new Work
        {
            K = g.K, O = g.O, IsReLU = g.Activation == UnaryFormula.ReLU, Panels = panels, PanelsPerChunk = (panels + chunks - 1) / chunks, X = x, Packed = packed,
            B = b, Residual = residual, FromResidual = fromResidual, Y = y,
        });
    }

    private struct Work : ILaneWork
    {
        public int K, O, Panels, PanelsPerChunk;
        public bool IsReLU, FromResidual;
        public float* X, Packed, B, Residual, Y;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V>
        {
            var body = new Chunk<V> { Of = this };
            if ((long)K * O >= FusedConv2DProduct.SmallestThreadedRun / 4) // memory is the limit: smaller work pays than where arithmetic is
                ParallelRows.Run(Panels, PanelsPerChunk, body);
            else
                body.Run(0, Panels);
        }
    }

    /// <summary>Some panels.</summary>
    private struct Chunk<V> : IRowBody
        where V : unmanaged, ILanes<V>
    {
        public Work Of;

        public readonly void Run(int first, int end)
        {
            float* sums = stackalloc float[2 * V.Count];
            for (int panel = first; panel < end; panel++)
            {
                int o = panel * 2 * V.Count, width = Math.Min(2 * V.Count, Of.O - o);
                bool fromResidual = Of.Residual != null && (Of.FromResidual || width < 2 * V.Count);
                float* start = fromResidual ? Of.Residual : Of.B, add = fromResidual ? Of.B : Of.Residual;
                for (int j = 0; j < 2 * V.Count; j++)
                    sums[j] = start != null && j < width ? start[o + j] : 0;
                Panel(Of.Packed + (long)o * Of.K, sums);
                for (int j = 0; j < width; j++)
                {
                    float sum = add == null ? sums[j] : sums[j] + add[o + j];
                    Of.Y[o + j] = Of.IsReLU && sum < 0 ? 0 : sum;
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void Panel(float* w, float* sums)
        {
            V left = V.Load(sums), right = V.Load(sums + V.Count);
            int k = 0;
            for (; k + 2 <= Of.K; k += 2, w += 4 * V.Count)
            {
                if (Sse.IsSupported)
                {
                    for (int line = 0; line < 4 * V.Count; line += 16)
                        Sse.Prefetch0(w + Ahead + line);
                }
                V x0 = V.Create(Of.X[k]), x1 = V.Create(Of.X[k + 1]);
                left = V.MultiplyAdd(x0, V.Load(w), left);
                right = V.MultiplyAdd(x0, V.Load(w + V.Count), right);
                left = V.MultiplyAdd(x1, V.Load(w + 2 * V.Count), left);
                right = V.MultiplyAdd(x1, V.Load(w + 3 * V.Count), right);
            }
            if (k < Of.K)
            {
                V x0 = V.Create(Of.X[k]);
                left = V.MultiplyAdd(x0, V.Load(w), left);
                right = V.MultiplyAdd(x0, V.Load(w + V.Count), right);
            }
            left.Store(sums);
            right.Store(sums + V.Count);
        }
    }
}
