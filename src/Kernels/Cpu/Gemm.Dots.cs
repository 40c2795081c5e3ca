using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graft.Kernels.Cpu;

/// <summary>
/// Few rows times a transposed matrix: dot products of rows that lie in one piece, so that B is read once and nothing is packed.
/// A sum here runs in 16 lanes that are added at the end: other last bits than the tiles give, the same for any thread and column.
/// </summary>
internal static unsafe partial class Gemm
{
    private const int DotLanes = 16;

    /// <summary>Columns of a chunk.</summary>
    private const int DotColumns = 64;

    private static void RunDots(in GemmProduct p)
    {
        var body = new DotBody
        {
            M = p.M, N = p.N, K = p.K, A = p.A, Lda = p.Lda, B = p.B, Ldb = p.Ldb,
            C = p.C, RowOfC = p.Ldc, ColumnOfC = 1, Start = p.Start, RowOfStart = p.StartStride, ColumnOfStart = 1,
        };
        RunDots(ref body);
    }

    /// <summary>A matrix times one column: the transposed product, one row times the transposed matrix.</summary>
    private static void RunColumnDots(in GemmProduct p)
    {
        var body = new DotBody
        {
            M = 1, N = p.M, K = p.K, A = p.B, B = p.A, Ldb = p.Lda, C = p.C, ColumnOfC = p.Ldc, Start = p.Start, ColumnOfStart = p.StartStride,
        };
        RunDots(ref body);
    }

    private static void RunDots(ref DotBody body)
    {
        int chunks = (body.N + DotColumns - 1) / DotColumns;
        if ((long)body.M * body.N * body.K >= SmallestThreadedProduct)
        {
            WorkerPool.For(chunks, ref body);
            return;
        }
        for (int chunk = 0; chunk < chunks; chunk++)
            body.Run(chunk);
    }

    /// <summary>c[i,j] = start[i,j] + sum over k of a[i,k] b[j,k], for <see cref="DotColumns"/> columns j.</summary>
    private struct DotBody : IChunkBody
    {
        public int M, N, K;
        public float* A, B, C, Start;
        public nint Lda, Ldb, RowOfC, ColumnOfC, RowOfStart, ColumnOfStart;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int chunk)
        {
            int end = Math.Min((chunk + 1) * DotColumns, N);
            int j = chunk * DotColumns;
            for (; j + 4 <= end; j += 4)
            {
                for (int i = 0; i < M; i++)
                    FourDots(i, j);
            }
            for (; j < end; j++)
            {
                for (int i = 0; i < M; i++)
                    OneDot(i, j);
            }
        }

        private readonly void FourDots(int i, int j)
        {
            float* a = A + i * Lda, b0 = B + j * Ldb, b1 = b0 + Ldb, b2 = b1 + Ldb, b3 = b2 + Ldb;
            Vector512<float> s0 = Vector512<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
            int k = 0;
            for (; k <= K - DotLanes; k += DotLanes)
            {
                Vector512<float> x = Vector512.Load(a + k);
                s0 = Vector512.MultiplyAddEstimate(x, Vector512.Load(b0 + k), s0);
                s1 = Vector512.MultiplyAddEstimate(x, Vector512.Load(b1 + k), s1);
                s2 = Vector512.MultiplyAddEstimate(x, Vector512.Load(b2 + k), s2);
                s3 = Vector512.MultiplyAddEstimate(x, Vector512.Load(b3 + k), s3);
            }
            Finish(i, j, s0, a, b0, k);
            Finish(i, j + 1, s1, a, b1, k);
            Finish(i, j + 2, s2, a, b2, k);
            Finish(i, j + 3, s3, a, b3, k);
        }

        private readonly void OneDot(int i, int j)
        {
            float* a = A + i * Lda, b = B + j * Ldb;
            Vector512<float> sum = Vector512<float>.Zero;
            int k = 0;
            for (; k <= K - DotLanes; k += DotLanes)
                sum = Vector512.MultiplyAddEstimate(Vector512.Load(a + k), Vector512.Load(b + k), sum);
            Finish(i, j, sum, a, b, k);
        }

        private readonly void Finish(int i, int j, Vector512<float> lanes, float* a, float* b, int k)
        {
            float sum = Vector512.Sum(lanes);
            for (; k < K; k++)
                sum = float.MultiplyAddEstimate(a[k], b[k], sum);
            if (Start != null)
                sum += Start[i * RowOfStart + j * ColumnOfStart];
            C[i * RowOfC + j * ColumnOfC] = sum;
        }
    }
}
