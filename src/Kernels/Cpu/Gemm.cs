using System.Runtime.CompilerServices;

namespace Graft.Kernels.Cpu;

/// <summary>
/// Single-precision matrix product. Each output is summed in one order that the sizes alone fix, so results do not depend on the number
/// of threads nor on the place of a row: one chain of multiply-adds in the order of k, save where dot products serve (few rows times a
/// transposed matrix, and a single column).
/// </summary>
internal static unsafe partial class Gemm
{
    /// <summary>Products below this many multiply-adds stay on the calling thread: handing out costs more than it saves.</summary>
    private const long SmallestThreadedProduct = 1 << 18;

    /// <summary>
    /// c[m,n] = op(a)[m,k] op(b)[k,n] + beta c + bias. All are row-major with leading dimensions (floats from row to row);
    /// op(a) is the transpose of a stored [k,m] where <paramref name="transA"/>, op(b) that of b stored [n,k] where <paramref name="transB"/>.
    /// With beta 0 c is written without being read. <paramref name="bias"/> is a row [n] or null. c must not overlap a, b or bias.
    /// </summary>
    public static void Run(
        bool transA, bool transB, int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc, float beta, float* bias = null) =>
        Run(GemmTile.Current, transA, transB, m, n, k, a, lda, b, ldb, c, ldc, beta, bias);

    /// <summary>The same with a given set of register tiles.</summary>
    public static void Run(
        GemmTile tile, bool transA, bool transB, int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc, float beta, float* bias)
    {
        if (m <= 0 || n <= 0)
            return;
        float* start = Start(m, n, c, ldc, beta, bias, out int startStride);
        if (k <= 0)
        {
            CopyStart(m, n, c, ldc, start, startStride);
            return;
        }
        var product = new GemmProduct
        {
            TileId = tile.Id,
            TransA = transA,
            TransB = transB,
            M = m,
            N = n,
            K = k,
            A = a,
            Lda = lda,
            B = b,
            Ldb = ldb,
            C = c,
            Ldc = ldc,
            Start = start,
            StartStride = startStride,
        };
        if (m <= FewRows && !transA && transB)
            RunDots(product);
        else if (n == 1 && !transA && (transB || ldb == 1))
            RunColumnDots(product);
        else if (m <= FewRows && !transA)
            RunRows(product);
        else if (!transA && !transB && ServesUpdates(tile, m, n, k))
            RunUpdates(product);
        else if (m <= 2 * tile.Rows && !transA && !transB)
            RunStreamed(product);
        else
            RunBlocked(product, tile);
    }

    /// <summary>Runs the chunks of a product of so many multiply-adds: side by side where that saves more than handing out costs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RunChunks<T>(long work, int chunks, ref T body)
        where T : unmanaged, IChunkBody
    {
        if (work >= SmallestThreadedProduct)
        {
            WorkerPool.For(chunks, ref body);
            return;
        }
        for (int chunk = 0; chunk < chunks; chunk++)
            body.Run(chunk);
    }

    /// <summary>Where the sums start: null (zero), the bias for every row, or c itself, which is scaled first where it has to be.</summary>
    private static float* Start(int m, int n, float* c, int ldc, float beta, float* bias, out int stride)
    {
        stride = 0;
        if (beta == 0)
            return bias;
        if (beta != 1 || bias != null)
        {
            for (int i = 0; i < m; i++)
            {
                float* row = c + (nint)i * ldc;
                for (int j = 0; j < n; j++)
                    row[j] = beta * row[j] + (bias == null ? 0 : bias[j]);
            }
        }
        stride = ldc;
        return c;
    }

    private static void CopyStart(int m, int n, float* c, int ldc, float* start, int startStride)
    {
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
                c[(nint)i * ldc + j] = start == null ? 0 : start[(nint)i * startStride + j];
        }
    }
}
