namespace Graft.Kernels.Cpu;

/// <summary>Few rows (a vector times a matrix): B is read once, where it lies, in long runs; packing it would double the traffic.</summary>
internal static unsafe partial class Gemm
{
    private const int FewRows = 4;

    private static void RunRows(in GemmProduct product)
    {
        int wide = product.Tile.WideColumns;
        int chunks = (product.N + wide - 1) / wide;
        var body = new RowsBody { Product = product };
        RunChunks(product.Work, chunks, ref body);
    }

    /// <summary>One chunk: all rows x <see cref="GemmTile.WideColumns"/> columns.</summary>
    private struct RowsBody : IChunkBody
    {
        public GemmProduct Product;

        public readonly void Run(int chunk)
        {
            GemmProduct p = Product;
            GemmTile tile = p.Tile;
            int n = chunk * tile.WideColumns;
            int width = Math.Min(tile.WideColumns, p.N - n);
            for (int k0 = 0; k0 < p.K; k0 += BlockK)
            {
                int kCount = Math.Min(BlockK, p.K - k0);
                float* b = p.B + k0 * p.Ldb + n;
                for (int i = 0; i < p.M; i++)
                {
                    float* a = p.A + i * p.Lda + k0;
                    float* c = p.C + i * p.Ldc + n;
                    float* start = k0 > 0 ? c : p.Start == null ? null : p.Start + i * p.StartStride + n;
                    if (width == tile.WideColumns)
                        tile.RunWideRow(kCount, a, b, p.Ldb, c, start);
                    else
                        RunNarrowRow(tile, width, kCount, a, b, p.Ldb, c, start);
                }
            }
        }
    }

    /// <summary>The last columns of one row: full tiles where they fit, then one element at a time in the same order of k.</summary>
    private static void RunNarrowRow(GemmTile tile, int width, int k, float* a, float* b, nint ldb, float* c, float* start)
    {
        int j = 0;
        for (; j + tile.Columns <= width; j += tile.Columns)
            tile.Run(1, k, a, 0, b + j, ldb, c + j, 0, start == null ? null : start + j, 0);
        for (; j < width; j++)
        {
            float sum = start == null ? 0 : start[j];
            for (int i = 0; i < k; i++)
                sum = float.MultiplyAddEstimate(a[i], b[i * ldb + j], sum);
            c[j] = sum;
        }
    }
}
