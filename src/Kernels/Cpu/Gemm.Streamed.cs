namespace Graft.Kernels.Cpu;

/// <summary>
/// Rows that two tiles hold, as a batch on a wide layer has them: B comes from memory for little arithmetic, so that its one pass is what counts. The tiles
/// read it where it lies, a block of it at a time, which the second tile finds in the cache: a copy of the block, or asking for the next one, took a quarter more.
/// </summary>
internal static unsafe partial class Gemm
{
    /// <summary>Depth of a block: 64 columns x 128 floats are 32 KiB.</summary>
    private const int StreamedK = 128;

    /// <summary>Columns of a chunk, a multiple of every tile width: few, so that a layer of 256 units keeps several threads busy.</summary>
    private const int StreamedColumns = 64;

    private static void RunStreamed(in GemmProduct product)
    {
        int chunks = (product.N + StreamedColumns - 1) / StreamedColumns;
        var body = new StreamedBody { Product = product };
        if ((long)product.M * product.N * product.K >= SmallestThreadedProduct)
        {
            WorkerPool.For(chunks, ref body);
            return;
        }
        for (int chunk = 0; chunk < chunks; chunk++)
            body.Run(chunk);
    }

    /// <summary>One chunk: all rows x <see cref="StreamedColumns"/> columns, the whole depth.</summary>
    private struct StreamedBody : IChunkBody
    {
        public GemmProduct Product;

        public readonly void Run(int chunk)
        {
            GemmTile tile = Product.Tile;
            int n0 = chunk * StreamedColumns, end = Math.Min(n0 + StreamedColumns, Product.N);
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
