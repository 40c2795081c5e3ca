using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Graft.Kernels.Cpu;

/// <summary>
/// Rows that two tiles hold, as a batch on a wide layer has them: B comes from memory for little arithmetic, so that its one pass is what
/// counts. Each chunk copies a block of B that stays in the first-level cache, and asks for the next one while it computes.
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
            float* packed = Scratch.Rent(ScratchSlot.PackedB, StreamedColumns * StreamedK);
            for (int k0 = 0; k0 < Product.K; k0 += StreamedK)
            {
                int kCount = Math.Min(StreamedK, Product.K - k0);
                float* a = RowsOfA(k0, kCount, out nint lda);
                for (int n = n0; n < end; n += tile.Columns)
                    Panel(tile, n, Math.Min(tile.Columns, end - n), k0, kCount, a, lda, packed);
            }
        }

        private readonly void Panel(GemmTile tile, int n, int width, int k0, int kCount, float* a, nint lda, float* packed)
        {
            GemmProduct p = Product;
            GemmPacking.Copy(p.B + k0 * p.Ldb + n, p.Ldb, kCount, width, packed, tile.Columns);
            if (width < tile.Columns)
                GemmPacking.ClearColumns(packed, tile.Columns, kCount, width);
            Fetch(n, width, k0 + kCount, Math.Min(StreamedK, p.K - k0 - kCount));
            float* start = k0 > 0 ? p.C + n : p.Start == null ? null : p.Start + n;
            nint startStride = k0 > 0 ? p.Ldc : p.StartStride;
            if (width == tile.Columns)
                tile.Run(p.M, kCount, a, lda, packed, tile.Columns, p.C + n, p.Ldc, start, startStride);
            else
                RunNarrow(tile, p.M, width, kCount, a, lda, packed, p.C + n, p.Ldc, start, startStride);
        }

        /// <summary>Asks for the same columns of the next block.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        private readonly void Fetch(int n, int width, int k0, int kCount)
        {
            if (!Sse.IsSupported)
                return;
            float* from = Product.B + k0 * Product.Ldb + n;
            for (int k = 0; k < kCount; k++, from += Product.Ldb)
            {
                for (int j = 0; j < width; j += 16)
                    Sse.Prefetch1(from + j);
            }
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
