namespace Graft.Kernels.Cpu;

/// <summary>The general path: B packed into panels of one tile's width, A read where it lies or packed by rows, tiles over both.</summary>
internal static unsafe partial class Gemm
{
    /// <summary>Depth of a block: a panel of B (32 x 256 floats) and the rows of A that meet it stay in the first-level cache.</summary>
    public const int BlockK = 256;

    /// <summary>Rows of a chunk: with <see cref="BlockK"/> a block of A in the second-level cache.</summary>
    private const int BlockM = 112;

    /// <summary>Columns of a chunk where there are few row blocks to share out, a multiple of every tile width.</summary>
    private const int NarrowBlockN = 256;

    /// <summary>Columns of a chunk where row blocks suffice to keep threads busy: a packed block of A then serves more columns.</summary>
    private const int WideBlockN = 2048;

    private const int ManyRowBlocks = 8;

    /// <summary>Columns packed at a time: bounds the packed block (2048 x 256 floats) to the last-level cache.</summary>
    private const int PackedN = WideBlockN;

    /// <summary>A packed row of A is this much longer than its block, so that the rows of a tile do not meet in one cache set.</summary>
    private const int RowPadding = 16;

    private const int MostTileRows = 14;
    private const int MostTileColumns = 32;

    private static void RunBlocked(in GemmProduct product, GemmTile tile)
    {
        bool threaded = product.Work >= SmallestThreadedProduct;
        int packedColumns = Math.Min(tile.PaddedN(product.N), PackedN);
        float* packed = Scratch.Rent(ScratchSlot.PackedB, (long)packedColumns * Math.Min(product.K, BlockK));

        for (int n0 = 0; n0 < product.N; n0 += PackedN)
        {
            int nEnd = Math.Min(n0 + PackedN, product.N);
            for (int k0 = 0; k0 < product.K; k0 += BlockK)
            {
                BlockBody block = Block(product, tile, n0, nEnd, k0, packed);
                var packing = new PackBody { Block = block };
                int panels = (nEnd - n0 + tile.Columns - 1) / tile.Columns;
                if (threaded)
                {
                    WorkerPool.For((panels + PackBody.PanelsPerChunk - 1) / PackBody.PanelsPerChunk, ref packing);
                    WorkerPool.For(block.Chunks, ref block);
                    continue;
                }
                packing.Pack(0, panels);
                for (int chunk = 0; chunk < block.Chunks; chunk++)
                    block.Run(chunk);
            }
        }
    }

    private static BlockBody Block(in GemmProduct product, GemmTile tile, int n0, int nEnd, int k0, float* packed)
    {
        int most = product.TransA ? TransposedBlockM : BlockM, rowBlocks = (product.M + most - 1) / most;
        int blockRows = RoundUp((product.M + rowBlocks - 1) / rowBlocks, tile.Rows);
        return new BlockBody
        {
            Product = product,
            N0 = n0,
            NEnd = nEnd,
            K0 = k0,
            KCount = Math.Min(BlockK, product.K - k0),
            BlockRows = blockRows,
            BlockN = rowBlocks >= ManyRowBlocks ? WideBlockN : NarrowBlockN,
            RowBlocks = (product.M + blockRows - 1) / blockRows,
            Packed = packed,
        };
    }

    private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    /// <summary>Packs k rows [K0, K0 + KCount) of B into panels [panel][k][tile columns], the last one padded with zeros.</summary>
    private struct PackBody : IChunkBody
    {
        public const int PanelsPerChunk = 4;
        public BlockBody Block;

        public readonly void Run(int chunk)
        {
            int columns = Block.Product.Tile.Columns;
            int panels = (Block.NEnd - Block.N0 + columns - 1) / columns;
            Pack(chunk * PanelsPerChunk, Math.Min((chunk + 1) * PanelsPerChunk, panels));
        }

        public readonly void Pack(int firstPanel, int endPanel)
        {
            GemmProduct p = Block.Product;
            int columns = p.Tile.Columns;
            for (int panel = firstPanel; panel < endPanel; panel++)
            {
                int n = Block.N0 + panel * columns;
                int width = Math.Min(columns, Block.NEnd - n);
                float* to = Block.Packed + (nint)panel * columns * Block.KCount;
                if (p.TransB)
                    GemmPacking.Transpose(p.B + n * p.Ldb + Block.K0, p.Ldb, width, Block.KCount, to, columns);
                else
                    GemmPacking.Copy(p.B + Block.K0 * p.Ldb + n, p.Ldb, Block.KCount, width, to, columns);
                if (width < columns)
                    GemmPacking.ClearColumns(to, columns, Block.KCount, width);
            }
        }
    }

    /// <summary>One chunk: <see cref="BlockRows"/> rows x <see cref="BlockN"/> columns, for one block of k.</summary>
    private struct BlockBody : IChunkBody
    {
        public GemmProduct Product;
        public int N0, NEnd, K0, KCount, BlockRows, BlockN, RowBlocks;
        public float* Packed;

        public readonly int Chunks => RowBlocks * ((NEnd - N0 + BlockN - 1) / BlockN);

        public readonly void Run(int chunk)
        {
            GemmProduct p = Product;
            GemmTile tile = p.Tile;
            int m0 = chunk % RowBlocks * BlockRows;
            int rows = Math.Min(BlockRows, p.M - m0);
            int first = N0 + chunk / RowBlocks * BlockN;
            int end = Math.Min(first + BlockN, NEnd);
            float* a = RowsOfA(m0, rows, out nint lda);

            // After the first block of k the sums go on from what c holds.
            float* start = K0 == 0 ? p.Start : p.C;
            nint startStride = K0 == 0 ? p.StartStride : p.Ldc;
            for (int n = first; n < end; n += tile.Columns)
            {
                float* panel = Packed + (nint)(n - N0) * KCount;
                float* from = start == null ? null : start + m0 * startStride + n;
                float* to = p.C + m0 * p.Ldc + n;
                int width = Math.Min(tile.Columns, end - n);
                if (p.TransA)
                    RunTransposed(tile, rows, width, KCount, a, panel, to, p.Ldc, from, startStride);
                else if (width == tile.Columns)
                    tile.Run(rows, KCount, a, lda, panel, tile.Columns, to, p.Ldc, from, startStride);
                else
                    RunNarrow(tile, rows, width, KCount, a, lda, panel, to, p.Ldc, from, startStride);
            }
        }

        private readonly float* RowsOfA(int m0, int rows, out nint lda)
        {
            GemmProduct p = Product;
            if (!p.TransA && !NeedsCopy(p))
            {
                lda = p.Lda;
                return p.A + m0 * p.Lda + K0;
            }
            lda = RoundUp(KCount, 16) + RowPadding;
            float* packed = Scratch.Rent(ScratchSlot.PackedA, ((p.TransA ? TransposedBlockM : BlockM) + MostTileRows) * (BlockK + RowPadding));
            if (p.TransA)
                PackTransposed(p.Tile, p.A + K0 * p.Lda + m0, p.Lda, KCount, rows, packed);
            else
                GemmPacking.Copy(p.A + m0 * p.Lda + K0, p.Lda, rows, KCount, packed, lda);
            return packed;
        }

    }

    /// <summary>Rows a multiple of 1 KiB apart crowd into few cache sets; a copy pays where enough columns use it.</summary>
    private static bool NeedsCopy(in GemmProduct p) => p.Lda % 256 == 0 && p.Lda > 256 && p.N > 64;

    /// <summary>A tile with fewer columns than the kernels write: through a buffer of full width.</summary>
    private static void RunNarrow(
        GemmTile tile, int rows, int width, nint k, float* a, nint lda, float* panel, float* c, nint ldc, float* start, nint startStride)
    {
        float* buffer = stackalloc float[MostTileRows * MostTileColumns];
        int columns = tile.Columns;
        for (int row = 0; row < rows; row += tile.Rows)
        {
            int height = Math.Min(tile.Rows, rows - row);
            for (int i = 0; start != null && i < height; i++)
            {
                for (int j = 0; j < width; j++)
                    buffer[i * columns + j] = start[(row + i) * startStride + j];
            }
            tile.Run(height, k, a + row * lda, lda, panel, columns, buffer, columns, start == null ? null : buffer, columns);
            for (int i = 0; i < height; i++)
            {
                for (int j = 0; j < width; j++)
                    c[(row + i) * ldc + j] = buffer[i * columns + j];
            }
        }
    }
}
