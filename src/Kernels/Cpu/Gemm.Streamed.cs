namespace Graft.Kernels.Cpu;

/// <summary>
/// Rows that two tiles hold, times a B that the second-level cache may hold (for a larger one see <see cref="RunUpdates"/>): to bring B into panels would take longer than the product.
/// The tiles read it where it lies, a block of it at a time, which the second tile finds in the first-level cache.
/// </summary>
internal static unsafe partial class Gemm
{
    /// <summary>Depth of a block: of a tile's 32 columns it is 16 KiB, which the second tile finds in the first-level cache.</summary>
    private const int StreamedK = 128;

    /// <summary>Columns of a chunk: as many as leave each thread a chunk, since long runs of a row of B come faster; a multiple of every tile width.</summary>
    private const int FewestStreamedColumns = 64, MostStreamedColumns = 256;

    private static void RunStreamed(in GemmProduct product)
    {
        int share = (product.N + WorkerPool.Threads - 1) / WorkerPool.Threads;
        int columns = Math.Clamp((share + FewestStreamedColumns - 1) / FewestStreamedColumns * FewestStreamedColumns, FewestStreamedColumns, MostStreamedColumns);
        int chunks = (product.N + columns - 1) / columns;
        var body = new StreamedBody { Product = product, Columns = columns };
        RunChunks(product.Work, chunks, ref body);
    }

    /// <summary>One chunk: all rows, some columns, the whole depth.</summary>
    private struct StreamedBody : IChunkBody
    {
        public GemmProduct Product;
        public int Columns;

        public readonly void Run(int chunk)
        {
            GemmTile tile = Product.Tile;
            int n0 = chunk * Columns, end = Math.Min(n0 + Columns, Product.N);
            for (int k0 = 0; k0 < Product.K; k0 += StreamedK)
            {
                int kCount = Math.Min(StreamedK, Product.K - k0);
                float* a = RowsOfA(k0, kCount, out nint lda);
                for (int n = n0; n < end; n += tile.Columns)
                    Panel(tile, n, Math.Min(tile.Columns, end - n), k0, kCount, a, lda);
            }
        }

        private readonly void Panel(GemmTile tile, int n, int width, int k0, int kCount, float* a, nint lda)
        {
            GemmProduct p = Product;
            float* b = p.B + k0 * p.Ldb + n;
            float* start = k0 > 0 ? p.C + n : p.Start == null ? null : p.Start + n;
            nint startStride = k0 > 0 ? p.Ldc : p.StartStride;
            if (width == tile.Columns)
            {
                tile.Run(p.M, kCount, a, lda, b, p.Ldb, p.C + n, p.Ldc, start, startStride);
                return;
            }
            float* packed = Scratch.Rent(ScratchSlot.PackedB, MostTileColumns * StreamedK); // a tile reads whole rows, beyond the matrix too
            GemmPacking.Copy(b, p.Ldb, kCount, width, packed, tile.Columns);
            GemmPacking.ClearColumns(packed, tile.Columns, kCount, width);
            RunNarrow(tile, p.M, width, kCount, a, lda, packed, p.C + n, p.Ldc, start, startStride);
        }

        private readonly float* RowsOfA(int k0, int kCount, out nint lda)
        {
            lda = Product.Lda;
            if (!NeedsCopy(Product))
                return Product.A + k0;
            lda = StreamedK + RowPadding;
            float* packed = Scratch.Rent(ScratchSlot.PackedA, (BlockM + MostTileRows) * (BlockK + RowPadding));
            GemmPacking.Copy(Product.A + k0, Product.Lda, Product.M, kCount, packed, lda);
            return packed;
        }
    }
}
