using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// A head of a sequence is a chunk. Keys and values are packed once a head; then blocks of queries are met one after the other: their scores
/// against all keys that they see, the softmax of each row, and the weighted values, all in the cache.
/// </summary>
internal sealed unsafe partial class CpuCausalAttentionKernels : CausalAttentionKernels
{
    /// <summary>Queries of a block: whole tiles of 14 and, on narrower vectors, almost whole ones of 6.</summary>
    private const int BlockRows = 56;

    /// <summary>Rows of scores are this much longer than the keys, so that the rows of a tile do not meet in one cache set.</summary>
    private const int RowPadding = 16;

    public override void Forward(in CausalAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<float> y, DevicePtr<float> lse) => LaneWidth.Run(
        LaneWidth.Current, new Work
        {
            Sequences = g.N, Heads = g.Heads, D = g.D, New = g.T, Scale = g.Scale, Dropout = new(g, 0), Qkv = qkv.Pointer, Y = y.Pointer, Lse = lse.Pointer,
            Keys = qkv.Pointer + g.C, Values = qkv.Pointer + 2 * g.C, KeyStride = 3 * g.C, SequenceStride = 3L * g.T * g.C,
        });

    public override void ForwardCached(
        in CachedAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<int> past, DevicePtr<float> keys, DevicePtr<float> values, DevicePtr<float> y) => LaneWidth.Run(
        LaneWidth.Current, new Work
        {
            Sequences = g.Sequences, Heads = g.Heads, D = g.D, New = g.NewTokens, Scale = g.Scale, Past = past.Pointer, Qkv = qkv.Pointer, Y = y.Pointer,
            Keys = keys.Pointer, Values = values.Pointer, KeyStride = g.C, SequenceStride = (long)g.Capacity * g.C,
        });

    private struct Work : ILaneWork
    {
        public int Sequences, Heads, D, New;
        public float Scale;
        public AttentionDropout Dropout;
        public float* Qkv, Keys, Values, Y, Lse;

        /// <summary>Tokens that each sequence holds already; null where keys and values are those of qkv.</summary>
        public int* Past;
        public nint KeyStride;
        public long SequenceStride;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V>
        {
            var body = new Head<V> { Of = this };
            WorkerPool.For(checked(Sequences * Heads), ref body);
        }
    }

    /// <summary>All new tokens of one head of one sequence.</summary>
    private struct Head<V> : IChunkBody
        where V : unmanaged, ILanes<V>
    {
        public Work Of;

        public readonly void Run(int chunk)
        {
            int n = chunk / Of.Heads, h = chunk % Of.Heads, c = Of.Heads * Of.D, past = Of.Past == null ? 0 : Of.Past[n];
            float* q = Of.Qkv + (long)n * Of.New * 3 * c + h * Of.D, y = Of.Y + (long)n * Of.New * c + h * Of.D;
            float* k = Of.Keys + n * Of.SequenceStride + h * Of.D, v = Of.Values + n * Of.SequenceStride + h * Of.D;
            if (Of.Past != null)
            {
                GemmPacking.Copy(q + c, 3 * c, Of.New, Of.D, k + past * Of.KeyStride, Of.KeyStride);
                GemmPacking.Copy(q + 2 * c, 3 * c, Of.New, Of.D, v + past * Of.KeyStride, Of.KeyStride);
            }
            if (Of.Past != null && Of.New == 1)
                One(q, k, v, past + 1, y);
            else
                Blocks(q, k, v, past, y, Of.Lse == null ? null : Of.Lse + (long)chunk * Of.New, Of.Dropout.OfHead(chunk));
        }

        private readonly void Blocks(float* q, float* k, float* v, int past, float* y, float* lse, in AttentionDropout dropout)
        {
            GemmTile tile = GemmTile.Current;
            int length = past + Of.New, c = Of.Heads * Of.D, width = tile.PaddedN(Of.D);
            nint row = tile.PaddedN(length) + RowPadding;
            float* keys = AttentionPacking.Columns(tile, k, Of.KeyStride, length, Of.D, ScratchSlot.AttentionKeys);
            float* values = AttentionPacking.Rows(tile, v, Of.KeyStride, length, Of.D, ScratchSlot.AttentionValues);
            float* scores = Scratch.Rent(ScratchSlot.AttentionScores, BlockRows * row);
            float* sums = Scratch.Rent(ScratchSlot.Rows, BlockRows * width);
            float* factors = stackalloc float[BlockRows];
            for (int first = 0; first < Of.New; first += BlockRows)
            {
                int rows = Math.Min(BlockRows, Of.New - first), seen = past + first + rows;
                AttentionPacking.Product(tile, rows, Of.D, q + (long)first * 3 * c, 3 * c, keys, Of.D, seen, scores, row);
                for (int i = 0; i < rows; i++)
                {
                    float* s = scores + i * row;
                    int own = past + first + i + 1;
                    factors[i] = 1 / Softmax(s, own, out float logSum);
                    new Span<float>(s + own, seen - own).Clear();
                    if (dropout.Rate > 0)
                        dropout.Apply(s, first + i, own);
                    if (lse != null)
                        lse[first + i] = logSum;
                }
                AttentionPacking.Product(tile, rows, seen, scores, row, values, length, Of.D, sums, width);
                for (int i = 0; i < rows; i++)
                    Scaled(sums + (long)i * width, factors[i], y + (long)(first + i) * c);
            }
        }

        /// <summary>s = exp(scale s - max); returns the sum, and scale max + log of the sum.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly float Softmax(float* s, int count, out float logSum)
        {
            float max = Elementwise.Max(count, s) * Of.Scale; // the scale is positive
            V lanes = V.Zero, scale = V.Create(Of.Scale), shift = V.Create(-max);
            int j = 0;
            for (; j + V.Count <= count; j += V.Count)
            {
                V e = VectorMath.Exp(V.MultiplyAdd(V.Load(s + j), scale, shift));
                e.Store(s + j);
                lanes += e;
            }
            float sum = V.Sum(lanes);
            if (j < count)
            {
                V e = VectorMath.Exp(V.MultiplyAdd(Elementwise.LoadTail<V>(s + j, count - j), scale, shift));
                for (int lane = 0; j < count; j++, lane++)
                    sum += s[j] = e[lane];
            }
            logSum = max + MathF.Log(sum);
            return sum;
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void Scaled(float* from, float factor, float* to)
        {
            int d = 0;
            V factors = V.Create(factor);
            for (; d + V.Count <= Of.D; d += V.Count)
                (V.Load(from + d) * factors).Store(to + d);
            for (; d < Of.D; d++)
                to[d] = from[d] * factor;
        }

        /// <summary>A single query: keys and values are read where they lie, once.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void One(float* q, float* k, float* v, int count, float* y)
        {
            float* scores = Scratch.Rent(ScratchSlot.AttentionScores, count);
            for (int j = 0; j < count; j++, k += Of.KeyStride)
            {
                V lanes = V.Zero;
                int d = 0;
                for (; d + V.Count <= Of.D; d += V.Count)
                    lanes = V.MultiplyAdd(V.Load(q + d), V.Load(k + d), lanes);
                float sum = V.Sum(lanes);
                for (; d < Of.D; d++)
                    sum += q[d] * k[d];
                scores[j] = sum;
            }
            float factor = 1 / Softmax(scores, count, out _);
            int c = 0;
            for (; c + 4 * V.Count <= Of.D; c += 4 * V.Count)
                Weighted4(scores, v + c, count, factor, y + c);
            for (; c < Of.D; c++)
            {
                float sum = 0;
                for (int j = 0; j < count; j++)
                    sum += scores[j] * v[j * Of.KeyStride + c];
                y[c] = sum * factor;
            }
        }

        /// <summary>Four vectors of the weighted sum of values.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void Weighted4(float* weights, float* v, int count, float factor, float* y)
        {
            V sum0 = V.Zero, sum1 = V.Zero, sum2 = V.Zero, sum3 = V.Zero;
            for (int j = 0; j < count; j++, v += Of.KeyStride)
            {
                V weight = V.Create(weights[j]);
                sum0 = V.MultiplyAdd(weight, V.Load(v), sum0);
                sum1 = V.MultiplyAdd(weight, V.Load(v + V.Count), sum1);
                sum2 = V.MultiplyAdd(weight, V.Load(v + 2 * V.Count), sum2);
                sum3 = V.MultiplyAdd(weight, V.Load(v + 3 * V.Count), sum3);
            }
            V factors = V.Create(factor);
            (sum0 * factors).Store(y);
            (sum1 * factors).Store(y + V.Count);
            (sum2 * factors).Store(y + 2 * V.Count);
            (sum3 * factors).Store(y + 3 * V.Count);
        }
    }
}
