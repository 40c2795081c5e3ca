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
            int chunks = (N + DotColumns - 1) / DotColumns;
            if ((long)M * N * K >= SmallestThreadedProduct)
            {
                WorkerPool.For(chunks, ref body);
                return;
            }
            for (int chunk = 0; chunk < chunks; chunk++)
                body.Run(chunk);
        }
    }

    /// <summary>A chunk: <see cref="DotColumns"/> columns j.</summary>
    private struct DotBody<V> : IChunkBody
        where V : unmanaged, ILanes<V>
    {
        public Dots Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int chunk)
        {
            int end = Math.Min((chunk + 1) * DotColumns, Of.N);
            int j = chunk * DotColumns;
            for (; j + 4 <= end; j += 4)
            {
                for (int i = 0; i < Of.M; i++)
                    FourDots(i, j);
            }
            for (; j < end; j++)
            {
                for (int i = 0; i < Of.M; i++)
                    OneDot(i, j);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void FourDots(int i, int j)
        {
            float* a = Of.A + i * Of.Lda, b0 = Of.B + j * Of.Ldb, b1 = b0 + Of.Ldb, b2 = b1 + Of.Ldb, b3 = b2 + Of.Ldb;
            V s0 = V.Zero, s1 = s0, s2 = s0, s3 = s0;
            int k = 0;
            for (; k <= Of.K - V.Count; k += V.Count)
            {
                V x = V.Load(a + k);
                s0 = V.MultiplyAdd(x, V.Load(b0 + k), s0);
                s1 = V.MultiplyAdd(x, V.Load(b1 + k), s1);
                s2 = V.MultiplyAdd(x, V.Load(b2 + k), s2);
                s3 = V.MultiplyAdd(x, V.Load(b3 + k), s3);
            }
            Finish(i, j, s0, a, b0, k);
            Finish(i, j + 1, s1, a, b1, k);
            Finish(i, j + 2, s2, a, b2, k);
            Finish(i, j + 3, s3, a, b3, k);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void OneDot(int i, int j)
        {
            float* a = Of.A + i * Of.Lda, b = Of.B + j * Of.Ldb;
            V sum = V.Zero;
            int k = 0;
            for (; k <= Of.K - V.Count; k += V.Count)
                sum = V.MultiplyAdd(V.Load(a + k), V.Load(b + k), sum);
            Finish(i, j, sum, a, b, k);
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
