namespace Graft.Kernels.Cpu;

/// <summary>Products with a B that was packed once, for weights and for use within chunks of other work.</summary>
internal static unsafe partial class Gemm
{
    /// <summary>Floats that <see cref="PackWhole(bool, int, int, float*, int, float*)"/> fills.</summary>
    public static long PackedSize(int n, int k) => (long)GemmTile.Current.PaddedN(n) * k;

    /// <summary>Packs all of op(b) [k,n] once, for many calls of <see cref="RunPacked(int, int, int, float*, int, float*, float*, int, float, float*)"/>.</summary>
    public static void PackWhole(bool transB, int n, int k, float* b, int ldb, float* packed) =>
        PackWhole(GemmTile.Current, transB, n, k, b, ldb, packed);

    /// <summary>The same for a given set of register tiles.</summary>
    public static void PackWhole(GemmTile tile, bool transB, int n, int k, float* b, int ldb, float* packed)
    {
        int panels = tile.PaddedN(n) / tile.Columns;
        for (int k0 = 0; k0 < k; k0 += BlockK)
        {
            var packing = new PackBody
            {
                Block = new BlockBody
                {
                    Product = new GemmProduct { TileId = tile.Id, TransB = transB, N = n, K = k, B = b, Ldb = ldb },
                    NEnd = n,
                    K0 = k0,
                    KCount = Math.Min(BlockK, k - k0),
                    Packed = packed + (nint)k0 * tile.PaddedN(n),
                },
            };
            WorkerPool.For((panels + PackBody.PanelsPerChunk - 1) / PackBody.PanelsPerChunk, ref packing);
        }
    }

    /// <summary>c[m,n] = a[m,k] b + beta c + bias on the calling thread alone, with b from <see cref="PackWhole(bool, int, int, float*, int, float*)"/>.</summary>
    public static void RunPacked(int m, int n, int k, float* a, int lda, float* packedB, float* c, int ldc, float beta, float* bias) =>
        RunPacked(GemmTile.Current, m, n, k, a, lda, packedB, c, ldc, beta, bias);

    /// <summary>The same with a given set of register tiles.</summary>
    public static void RunPacked(
        GemmTile tile, int m, int n, int k, float* a, int lda, float* packedB, float* c, int ldc, float beta, float* bias)
    {
        if (m <= 0 || n <= 0)
            return;
        float* start = Start(m, n, c, ldc, beta, bias, out int startStride);
        if (k <= 0)
            CopyStart(m, n, c, ldc, start, startStride);
        var product = new GemmProduct
        {
            TileId = tile.Id, M = m, N = n, K = k, A = a, Lda = lda, C = c, Ldc = ldc, Start = start, StartStride = startStride,
        };
        for (int k0 = 0; k0 < k; k0 += BlockK)
        {
            BlockBody block = Block(product, tile, 0, n, k0, packedB + (nint)k0 * tile.PaddedN(n));
            for (int chunk = 0; chunk < block.Chunks; chunk++)
                block.Run(chunk);
        }
    }
}
