using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed unsafe partial class CpuCausalAttentionKernels
{
    public override void Backward(
        in CausalAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<float> y, DevicePtr<float> lse, DevicePtr<float> dy, DevicePtr<float> dqkv, float beta) =>
        LaneWidth.Run(LaneWidth.Current, new BackwardWork { G = g, Qkv = qkv.Pointer, Y = y.Pointer, Lse = lse.Pointer, Dy = dy.Pointer, Dqkv = dqkv.Pointer, Beta = beta });

    private struct BackwardWork : ILaneWork
    {
        public CausalAttentionGeometry G;
        public float* Qkv, Y, Lse, Dy, Dqkv;
        public float Beta;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V>
        {
            var body = new BackwardHead<V> { Of = this };
            WorkerPool.For(checked(G.N * G.Heads), ref body);
        }
    }

    /// <summary>
    /// A head of a sequence. With p the weights and dp = dy v', both by blocks of queries: ds = scale p (dp - sum of dy y), dq = ds k,
    /// dk += ds' q, dv += p' dy (Dao et al. 2022, appendix B.4).
    /// </summary>
    private struct BackwardHead<V> : IChunkBody
        where V : unmanaged, ILanes<V>
    {
        public BackwardWork Of;

        public readonly void Run(int chunk)
        {
            CausalAttentionGeometry g = Of.G;
            GemmTile tile = GemmTile.Current;
            int n = chunk / g.Heads, h = chunk % g.Heads, width = tile.PaddedN(g.D);
            nint stride = 3 * g.C, row = tile.PaddedN(g.T) + RowPadding;
            long token = (long)n * g.T;
            float* q = Of.Qkv + token * stride + h * g.D, dq = Of.Dqkv + token * stride + h * g.D;
            float* keys = AttentionPacking.Columns(tile, q + g.C, stride, g.T, g.D, ScratchSlot.AttentionKeys);
            float* keyRows = AttentionPacking.Rows(tile, q + g.C, stride, g.T, g.D, ScratchSlot.AttentionKeyRows);
            float* values = AttentionPacking.Columns(tile, q + 2 * g.C, stride, g.T, g.D, ScratchSlot.AttentionValues);
            float* scores = Scratch.Rent(ScratchSlot.AttentionScores, BlockRows * row), gradients = Scratch.Rent(ScratchSlot.AttentionGradients, BlockRows * row);
            float* turned = Scratch.Rent(ScratchSlot.AttentionTurned, (long)BlockRows * g.T), sums = Scratch.Rent(ScratchSlot.Rows, BlockRows * width);
            float* dk = Scratch.Rent(ScratchSlot.AttentionSums, 2L * g.T * width), dv = dk + (long)g.T * width;
            new Span<float>(dk, 2 * g.T * width).Clear();
            for (int first = 0; first < g.T; first += BlockRows)
            {
                int rows = Math.Min(BlockRows, g.T - first), seen = first + rows;
                float* queries = q + first * stride, up = Of.Dy + (token + first) * g.C + h * g.D;
                AttentionPacking.Product(tile, rows, g.D, queries, stride, keys, g.D, seen, scores, row);
                AttentionPacking.Product(tile, rows, g.D, up, g.C, values, g.D, seen, gradients, row);
                WeightGradients(chunk, first, rows, up, scores, gradients, row);
                AttentionPacking.Product(tile, rows, seen, gradients, row, keyRows, g.T, g.D, sums, width);
                for (int i = 0; i < rows; i++)
                    Row.Store(sums + (long)i * width, dq + (first + i) * stride, g.D, Of.Beta);
                AddTurned(tile, rows, seen, gradients, row, queries, stride, turned, dk, width);
                AddTurned(tile, rows, seen, scores, row, up, g.C, turned, dv, width);
            }
            for (int t = 0; t < g.T; t++)
            {
                Row.Store(dk + (long)t * width, dq + t * stride + g.C, g.D, Of.Beta);
                Row.Store(dv + (long)t * width, dq + t * stride + 2 * g.C, g.D, Of.Beta);
            }
        }

        /// <summary>Of a block: scores become the weights (with the dropout's mask), gradients those of the scores.</summary>
        private readonly void WeightGradients(int chunk, int first, int rows, float* up, float* scores, float* gradients, nint row)
        {
            CausalAttentionGeometry g = Of.G;
            AttentionDropout dropout = new AttentionDropout(g, 0).OfHead(chunk);
            float* mask = dropout.Rate > 0 ? Scratch.Rent(ScratchSlot.AttentionBlock, g.T) : null;
            float* y = Of.Y + (up - Of.Dy);
            for (int i = 0; i < rows; i++, scores += row, gradients += row)
            {
                int own = first + i + 1;
                if (mask != null)
                {
                    new Span<float>(mask, own).Fill(1);
                    dropout.Apply(mask, first + i, own);
                }
                float mean = Dot(up + (nint)i * g.C, y + (nint)i * g.C, g.D);
                WeightGradient(scores, gradients, mask, own, Of.Lse[(long)chunk * g.T + first + i], mean);
                new Span<float>(scores + own, first + rows - own).Clear();
                new Span<float>(gradients + own, first + rows - own).Clear();
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void WeightGradient(float* s, float* g, float* mask, int count, float lse, float mean)
        {
            V scale = V.Create(Of.G.Scale), shift = V.Create(-lse), means = V.Create(mean);
            int j = 0;
            for (; j + V.Count <= count; j += V.Count)
            {
                V m = mask == null ? V.One : V.Load(mask + j);
                V p = VectorMath.Exp(V.MultiplyAdd(V.Load(s + j), scale, shift));
                (p * (V.Load(g + j) * m - means) * scale).Store(g + j);
                (p * m).Store(s + j);
            }
            if (j == count)
                return;
            V weights = VectorMath.Exp(V.MultiplyAdd(Elementwise.LoadTail<V>(s + j, count - j), scale, shift));
            for (int lane = 0; j < count; j++, lane++)
            {
                float m = mask == null ? 1 : mask[j], p = weights[lane];
                g[j] = p * (g[j] * m - mean) * Of.G.Scale;
                s[j] = p * m;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private static float Dot(float* a, float* b, int count)
        {
            V lanes = V.Zero;
            int d = 0;
            for (; d + V.Count <= count; d += V.Count)
                lanes = V.MultiplyAdd(V.Load(a + d), V.Load(b + d), lanes);
            float sum = V.Sum(lanes);
            for (; d < count; d++)
                sum += a[d] * b[d];
            return sum;
        }

        /// <summary>to += a' b for a block a [rows,seen] and b [rows,D].</summary>
        private readonly void AddTurned(GemmTile tile, int rows, int seen, float* a, nint lda, float* b, nint ldb, float* turned, float* to, int width)
        {
            GemmPacking.Transpose(a, lda, rows, seen, turned, BlockRows);
            float* panels = AttentionPacking.Rows(tile, b, ldb, rows, Of.G.D, ScratchSlot.AttentionBlock);
            AttentionPacking.Product(tile, seen, rows, turned, BlockRows, panels, rows, Of.G.D, to, width, add: true);
        }
    }
}
