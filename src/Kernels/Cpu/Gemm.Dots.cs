using System.Runtime.CompilerServices;

namespace Graft.Kernels.Cpu;

/// <summary>
/// Few rows times a transposed matrix: dot products of rows that lie in one piece, so that B is read once and nothing is packed.
/// A sum here runs in the lanes of a vector, which are added at the end: other last bits than the tiles give, the same for any thread and column.
/// </summary>
internal static unsafe partial class Gemm
{
    /// <summary>Columns of a chunk.</summary>
    private const int DotColumns = 64;

    private static void RunDots(in GemmProduct p)
    {
        var body = new Dots
        {
            M = p.M, N = p.N, K = p.K, A = p.A, Lda = p.Lda, B = p.B, Ldb = p.Ldb,
            C = p.C, RowOfC = p.Ldc, ColumnOfC = 1, Start = p.Start, RowOfStart = p.StartStride, ColumnOfStart = 1,
        };
        LaneWidth.Run(LaneWidth.Current, body);
    }

    /// <summary>A matrix times one column: the transposed product, one row times the transposed matrix.</summary>
    private static void RunColumnDots(in GemmProduct p)
    {
        var body = new Dots
        {
            M = 1, N = p.M, K = p.K, A = p.B, B = p.A, Ldb = p.Lda, C = p.C, ColumnOfC = p.Ldc, Start = p.Start, ColumnOfStart = p.StartStride,
        };
        LaneWidth.Run(LaneWidth.Current, body);
    }

    /// <summary>c[i,j] = start[i,j] + sum over k of a[i,k] b[j,k].</summary>
    private struct Dots : ILaneWork
    {
        public int M, N, K;
        public float* A, B, C, Start;
        public nint Lda, Ldb, RowOfC, ColumnOfC, RowOfStart, ColumnOfStart;

        public readonly void Run<V>()
            where V : unmanaged, ILanes<V>
        {
            var body = new DotBody<V> { Of = this };
            RunChunks((long)M * N * K, (N + DotColumns - 1) / DotColumns, ref body);
        }
    }

    /// <summary>A chunk: <see cref="DotColumns"/> columns j.</summary>
    private struct DotBody<V> : IChunkBody
        where V : unmanaged, ILanes<V>
    {
        public Dots Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public readonly void Run(int chunk)
        {
            int end = Math.Min((chunk + 1) * DotColumns, Of.N);
            for (int j = chunk * DotColumns; j < end; j++)
            {
                for (int i = 0; i < Of.M; i++)
                    Dot(i, j);
            }
        }

        /// <summary>
        /// Four sums that do not wait for each other, over one row of b: a single stream comes from memory at 41 GB/s where four rows side by side
        /// came at 26.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void Dot(int i, int j)
        {
            float* a = Of.A + i * Of.Lda, b = Of.B + j * Of.Ldb;
            V s0 = V.Zero, s1 = s0, s2 = s0, s3 = s0;
            int k = 0;
            for (; k <= Of.K - 4 * V.Count; k += 4 * V.Count)
            {
                s0 = V.MultiplyAdd(V.Load(a + k), V.Load(b + k), s0);
                s1 = V.MultiplyAdd(V.Load(a + k + V.Count), V.Load(b + k + V.Count), s1);
                s2 = V.MultiplyAdd(V.Load(a + k + 2 * V.Count), V.Load(b + k + 2 * V.Count), s2);
                s3 = V.MultiplyAdd(V.Load(a + k + 3 * V.Count), V.Load(b + k + 3 * V.Count), s3);
            }
            for (; k <= Of.K - V.Count; k += V.Count)
                s0 = V.MultiplyAdd(V.Load(a + k), V.Load(b + k), s0);
            Finish(i, j, (s0 + s1) + (s2 + s3), a, b, k);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Finish(int i, int j, V lanes, float* a, float* b, int k)
        {
            float sum = V.Sum(lanes);
            for (; k < Of.K; k++)
                sum = float.MultiplyAddEstimate(a[k], b[k], sum);
            if (Of.Start != null)
                sum += Of.Start[i * Of.RowOfStart + j * Of.ColumnOfStart];
            Of.C[i * Of.RowOfC + j * Of.ColumnOfC] = sum;
        }
    }
}
