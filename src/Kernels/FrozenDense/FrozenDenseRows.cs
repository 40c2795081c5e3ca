using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// A few rows times frozen weights: a panel [K][two vectors] after the other, read in one stream as fast as memory gives it, and met by all rows while it lies in the cache. A sum is made in the
/// order in which the register tiles make it, so that a row has the same bits alone and among others.
/// </summary>
internal static unsafe class FrozenDenseRows
{
    /// <summary>With more rows arithmetic is the limit, and larger tiles are faster.</summary>
    public const int Most = 4;

    /// <summary>Floats ahead of the weights in use that are asked for: the processor's own look-ahead ends at each page.</summary>
    private const int Ahead = 2048;

    /// <summary>Chunks a thread: few, since memory likes long streams; enough that a thread that is disturbed does less.</summary>
    public const int ChunksPerThread = 3;

    /// <summary>y [M,O] = act(b + residual + x w), with ReLU or nothing as act. Columns of a panel: two vectors.</summary>
    /// <param name="g">The sizes.</param>
    /// <param name="columns">Columns of a panel.</param>
    /// <param name="x">[M,K].</param>
    /// <param name="packed">The packed weights.</param>
    /// <param name="b">[O], or null.</param>
    /// <param name="residual">[M,O], or null.</param>
    /// <param name="fromResidual">True where sums start at the residual, which is there, and b comes last; a last narrow panel always does it so.</param>
    /// <param name="y">[M,O].</param>
    public static void Run(in FrozenDenseGeometry g, int columns, float* x, float* packed, float* b, float* residual, bool fromResidual, float* y)
    {
        int panels = (g.O + columns - 1) / columns, chunks = Math.Min(panels, WorkerPool.Threads * ChunksPerThread);
        LaneWidth.Run(columns * sizeof(float) * 8 / 2, new Work
        {
            M = g.M, K = g.K, O = g.O, IsReLU = g.Activation == UnaryFormula.ReLU, Panels = panels, PanelsPerChunk = (panels + chunks - 1) / chunks, X = x, Packed = packed,
            B = b, Residual = residual, FromResidual = fromResidual, Y = y,
        });
    }

    private struct Work : ILaneWork
    {
        public int M, K, O, Panels, PanelsPerChunk;
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
            float* sums = stackalloc float[Most * 2 * V.Count];
            for (int panel = first; panel < end; panel++)
                Rows(Of.Packed + (long)panel * 2 * V.Count * Of.K, panel * 2 * V.Count, sums);
        }

        private readonly void Rows(float* w, int o, float* sums)
        {
            int rows = Of.M, k = Of.K, width = Math.Min(2 * V.Count, Of.O - o);
            bool fromResidual = Of.Residual != null && (Of.FromResidual || width < 2 * V.Count);
            for (int r = 0; r < rows; r++)
            {
                float* start = fromResidual ? Of.Residual + (long)r * Of.O : Of.B;
                for (int j = 0; j < 2 * V.Count; j++)
                    sums[r * 2 * V.Count + j] = start != null && j < width ? start[o + j] : 0;
            }
            if (rows == 1)
                Panel(w, Of.X, sums);
            else
                FourRows(w, Of.X, Of.X + k, Of.X + (long)Math.Min(2, rows - 1) * k, Of.X + (long)(rows - 1) * k, sums); // the last row stands in for those that are not there
            for (int r = 0; r < rows; r++)
            {
                float* add = fromResidual ? Of.B : Of.Residual == null ? null : Of.Residual + (long)r * Of.O, y = Of.Y + (long)r * Of.O + o, of = sums + r * 2 * V.Count;
                for (int j = 0; j < width; j++)
                {
                    float sum = add == null ? of[j] : of[j] + add[o + j];
                    y[j] = Of.IsReLU && sum < 0 ? 0 : sum;
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void FourRows(float* w, float* x0, float* x1, float* x2, float* x3, float* sums)
        {
            V left0 = V.Load(sums), right0 = V.Load(sums + V.Count), left1 = V.Load(sums + 2 * V.Count), right1 = V.Load(sums + 3 * V.Count);
            V left2 = V.Load(sums + 4 * V.Count), right2 = V.Load(sums + 5 * V.Count), left3 = V.Load(sums + 6 * V.Count), right3 = V.Load(sums + 7 * V.Count);
            for (int k = 0; k < Of.K; k++, w += 2 * V.Count)
            {
                if (Sse.IsSupported)
                {
                    for (int line = 0; line < 2 * V.Count; line += 16)
                        Sse.Prefetch0(w + Ahead + line);
                }
                V left = V.Load(w), right = V.Load(w + V.Count);
                Add(x0[k], left, right, ref left0, ref right0);
                Add(x1[k], left, right, ref left1, ref right1);
                Add(x2[k], left, right, ref left2, ref right2);
                Add(x3[k], left, right, ref left3, ref right3);
            }
            Store(sums, left0, right0);
            Store(sums + 2 * V.Count, left1, right1);
            Store(sums + 4 * V.Count, left2, right2);
            Store(sums + 6 * V.Count, left3, right3);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Add(float x, V left, V right, ref V sumLeft, ref V sumRight)
        {
            V a = V.Create(x);
            sumLeft = V.MultiplyAdd(a, left, sumLeft);
            sumRight = V.MultiplyAdd(a, right, sumRight);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Store(float* to, V left, V right)
        {
            left.Store(to);
            right.Store(to + V.Count);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void Panel(float* w, float* x, float* sums)
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
                V x0 = V.Create(x[k]), x1 = V.Create(x[k + 1]);
                left = V.MultiplyAdd(x0, V.Load(w), left);
                right = V.MultiplyAdd(x0, V.Load(w + V.Count), right);
                left = V.MultiplyAdd(x1, V.Load(w + 2 * V.Count), left);
                right = V.MultiplyAdd(x1, V.Load(w + 3 * V.Count), right);
            }
            if (k < Of.K)
            {
                V x0 = V.Create(x[k]);
                left = V.MultiplyAdd(x0, V.Load(w), left);
                right = V.MultiplyAdd(x0, V.Load(w + V.Count), right);
            }
            Store(sums, left, right);
        }
    }
}
