using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Graft.Kernels.Cpu;

/// <summary>
/// Products with a transposed A, stored [k,m]: gradients of weights. The tiles take A as it is, k by k: to them each k is a segment of depth
/// 1 whose rows are neighbours.
/// </summary>
internal static unsafe partial class Gemm
{
    /// <summary>
    /// c[i,j] = start + sum over k of a[k,i] b[k,j] for up to a tile's rows and exactly its columns, by the calling thread: nothing is packed.
    /// Strides count floats from one k to the next.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RunOuter(GemmTile tile, int rows, int k, float* a, nint stepA, float* b, nint stepB, float* c, nint ldc, float* start, nint ldstart) =>
        tile.Run(rows, 1, a, 1, b, stepB, c, ldc, start, ldstart, end: null, segments: k, segmentStep: stepA);

    /// <summary>Most rows of a chunk where A is transposed: long pieces of its rows are copied at a time, and the block (280 x 256 floats) stays in the second-level cache.</summary>
    private const int TransposedBlockM = 280;

    /// <summary>A block [k,rows] as [rows of a tile][k][tile rows]: each tile reads one stream.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void PackTransposed(GemmTile tile, float* a, nint lda, int k, int rows, float* to)
    {
        int height = tile.Rows, wide = height > 8 ? 16 : 8;
        for (int j = 0; j < k; j++, a += lda, to += height)
        {
            float* target = to;
            int i = 0;
            if (j + 1 < k) // a whole vector also writes into the next k, which comes after
            {
                for (; i + wide <= rows; i += height, target += (nint)height * k)
                {
                    if (wide == 16)
                        Vector512.Load(a + i).Store(target);
                    else
                        Vector256.Load(a + i).Store(target);
                }
            }
            for (; i < rows; i += height, target += (nint)height * k)
                CopyShort(a + i, target, Math.Min(height, rows - i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyShort(float* from, float* to, int count)
    {
        int i = 0;
        for (; i + 8 <= count; i += 8)
            Vector256.Load(from + i).Store(to + i);
        for (; i + 4 <= count; i += 4)
            Vector128.Load(from + i).Store(to + i);
        for (; i < count; i++)
            to[i] = from[i];
    }

    /// <summary>All tiles of packed rows times one panel of B.</summary>
    private static void RunTransposed(GemmTile tile, int rows, int width, int k, float* packed, float* panel, float* c, nint ldc, float* start, nint startStride)
    {
        for (int row = 0; row < rows; row += tile.Rows)
        {
            int height = Math.Min(tile.Rows, rows - row);
            float* from = start == null ? null : start + row * startStride;
            if (width == tile.Columns)
                RunOuter(tile, height, k, packed + (nint)row * k, tile.Rows, panel, tile.Columns, c + row * ldc, ldc, from, startStride);
            else
                RunNarrowTransposed(tile, height, width, k, packed + (nint)row * k, panel, c + row * ldc, ldc, from, startStride);
        }
    }

    private static void RunNarrowTransposed(GemmTile tile, int rows, int width, int k, float* packed, float* panel, float* c, nint ldc, float* start, nint startStride)
    {
        float* buffer = stackalloc float[MostTileRows * MostTileColumns];
        int columns = tile.Columns;
        for (int i = 0; start != null && i < rows; i++)
            CopyShort(start + i * startStride, buffer + i * columns, width);
        RunOuter(tile, rows, k, packed, tile.Rows, panel, columns, buffer, columns, start == null ? null : buffer, columns);
        for (int i = 0; i < rows; i++)
            CopyShort(buffer + i * columns, c + i * ldc, width);
    }
}
