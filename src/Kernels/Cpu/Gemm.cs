namespace Graft.Kernels.Cpu;

/// <summary>Single-precision C = A·B + beta·C, row-major, blocked and packed as Goto and van de Geijn 2008 describe it.</summary>
/// <remarks>
/// Each element of C is the sum over k in rising order, by blocks of <see cref="BlockK"/>, whatever the thread count, the
/// tile it falls into or the rows beside it: 1 and 2 threads give the same bits.
/// </remarks>
internal static unsafe class Gemm
{
    /// <summary>k is cut into blocks of this many, so that a panel of B stays in the L1 cache.</summary>
    public const int BlockK = 256;

    private const int BlockM = 96; // rows a chunk: a multiple of every tile height
    private const int BlockN = 512; // columns a chunk: a multiple of every tile width

    /// <summary>C [M,N] = op(A) [M,K] · op(B) [K,N] + beta·C (+ bias [N] in each row). With beta 0 C is not read.</summary>
    public static void Run(bool transA, bool transB, int m, int n, int k, float* a, int lda, float* b, int ldb, float* c, int ldc, float beta, float* bias = null)
    {
        if (m == 0 || n == 0)
            return;
        GemmTile tile = GemmTile.Current;
        var job = new Multiply { TransA = transA, M = m, N = n, A = a, Lda = lda, C = c, Ldc = ldc, K = k };
        float* packed = Scratch.Rent(ScratchSlot.PackedB, (long)Math.Min(BlockK, Math.Max(k, 1)) * tile.PaddedN(n));
        int first = 0;
        do
        {
            int kc = Math.Min(BlockK, k - first);
            var pack = new PackB { Trans = transB, N = n, Kc = kc, B = transB ? b + first : b + (long)first * ldb, Ldb = ldb, Packed = packed };
            WorkerPool.For((tile.PaddedN(n) / tile.N + PackB.Panels - 1) / PackB.Panels, ref pack);
            job.First = first;
            job.Kc = kc;
            job.Packed = packed;
            job.Beta = first == 0 ? beta : 1;
            job.Bias = first == 0 ? bias : null;
            job.ColumnBlocks = (n + BlockN - 1) / BlockN;
            WorkerPool.For((m + BlockM - 1) / BlockM * job.ColumnBlocks, ref job);
            first += kc;
        }
        while (first < k);
    }

    /// <summary>Floats that <see cref="PackWhole"/> fills.</summary>
    public static long PackedSize(int n, int k) => (long)GemmTile.Current.PaddedN(n) * k;

    /// <summary>Packs all of op(B) once, for many calls of <see cref="RunPacked"/>.</summary>
    public static void PackWhole(bool transB, int n, int k, float* b, int ldb, float* packed)
    {
        GemmTile tile = GemmTile.Current;
        for (int first = 0; first < k; first += BlockK)
        {
            int kc = Math.Min(BlockK, k - first);
            var pack = new PackB { Trans = transB, N = n, Kc = kc, B = transB ? b + first : b + (long)first * ldb, Ldb = ldb, Packed = packed + (long)first * tile.PaddedN(n) };
            WorkerPool.For((tile.PaddedN(n) / tile.N + PackB.Panels - 1) / PackB.Panels, ref pack);
        }
    }

    /// <summary>C = A·B + beta·C on the calling thread alone, with B from <see cref="PackWhole"/>: for use within chunks.</summary>
    public static void RunPacked(int m, int n, int k, float* a, int lda, float* packedB, float* c, int ldc, float beta, float* bias)
    {
        for (int first = 0; first < k; first += BlockK)
        {
            int kc = Math.Min(BlockK, k - first);
            var job = new Multiply
            {
                M = m, N = n, K = k, A = a, Lda = lda, C = c, Ldc = ldc, First = first, Kc = kc,
                Packed = packedB + (long)first * GemmTile.Current.PaddedN(n),
                Beta = first == 0 ? beta : 1, Bias = first == 0 ? bias : null, ColumnBlocks = (n + BlockN - 1) / BlockN,
            };
            int chunks = (m + BlockM - 1) / BlockM * job.ColumnBlocks;
            for (int i = 0; i < chunks; i++)
                job.Run(i);
        }
    }

    /// <summary>Columns of B, tile by tile: panel [K][tile width], the last one filled with zeros.</summary>
    private struct PackB : IChunkBody
    {
        public const int Panels = 8;
        public bool Trans;
        public int N, Kc, Ldb;
        public float* B, Packed;

        public readonly void Run(int chunk)
        {
            int width = GemmTile.Current.N;
            for (int j0 = chunk * Panels * width; j0 < Math.Min(N, (chunk + 1) * Panels * width); j0 += width)
            {
                float* to = Packed + (long)j0 * Kc;
                int columns = Math.Min(width, N - j0);
                for (int p = 0; p < Kc; p++, to += width)
                {
                    if (Trans)
                    {
                        for (int j = 0; j < columns; j++)
                            to[j] = B[(long)(j0 + j) * Ldb + p];
                    }
                    else
                        new ReadOnlySpan<float>(B + (long)p * Ldb + j0, columns).CopyTo(new Span<float>(to, columns));
                    new Span<float>(to + columns, width - columns).Clear();
                }
            }
        }
    }

    /// <summary>A block of rows times a block of columns.</summary>
    private struct Multiply : IChunkBody
    {
        public bool TransA;
        public int M, N, K, Lda, Ldc, First, Kc, ColumnBlocks;
        public float Beta;
        public float* A, C, Packed, Bias;

        public readonly void Run(int chunk)
        {
            GemmTile tile = GemmTile.Current;
            int i0 = chunk / ColumnBlocks * BlockM, j0 = chunk % ColumnBlocks * BlockN;
            int i1 = Math.Min(M, i0 + BlockM), j1 = Math.Min(N, j0 + BlockN);
            float* packedA = Scratch.Rent(ScratchSlot.PackedA, (long)BlockM * Math.Max(Kc, 1) + tile.M * tile.N);
            float* edge = packedA + (long)BlockM * Kc;
            PackA(packedA, i0, i1, tile.M);
            for (int j = j0; j < j1; j += tile.N)
            {
                for (int i = i0; i < i1; i += tile.M)
                    Tile(tile, packedA + (long)(i - i0) * Kc, Packed + (long)j * Kc, i, j, edge);
            }
        }

        private readonly void Tile(GemmTile tile, float* a, float* b, int i, int j, float* edge)
        {
            int rows = Math.Min(tile.M, M - i), columns = Math.Min(tile.N, N - j);
            float* c = C + (long)i * Ldc + j;
            if (rows == tile.M && columns == tile.N)
            {
                Start(c, Ldc, rows, columns, j);
                tile.Accumulate(Kc, a, b, c, Ldc);
                return;
            }
            new Span<float>(edge, tile.M * tile.N).Clear();
            for (int r = 0; r < rows; r++)
            {
                Start(c + (long)r * Ldc, Ldc, 1, columns, j);
                new ReadOnlySpan<float>(c + (long)r * Ldc, columns).CopyTo(new Span<float>(edge + r * tile.N, columns));
            }
            tile.Accumulate(Kc, a, b, edge, tile.N);
            for (int r = 0; r < rows; r++)
                new ReadOnlySpan<float>(edge + r * tile.N, columns).CopyTo(new Span<float>(c + (long)r * Ldc, columns));
        }

        /// <summary>What the products are added to: beta·C, and the bias in the first block of k.</summary>
        private readonly void Start(float* c, int ldc, int rows, int columns, int j)
        {
            for (int r = 0; r < rows; r++, c += ldc)
            {
                var row = new Span<float>(c, columns);
                if (Beta == 0)
                {
                    if (Bias == null)
                        row.Clear();
                    else
                        new ReadOnlySpan<float>(Bias + j, columns).CopyTo(row);
                    continue;
                }
                for (int x = 0; x < columns && (Beta != 1 || Bias != null); x++)
                    row[x] = row[x] * Beta + (Bias == null ? 0 : Bias[j + x]);
            }
        }

        private readonly void PackA(float* to, int i0, int i1, int height)
        {
            for (int i = i0; i < i1; i += height)
            {
                int rows = Math.Min(height, i1 - i);
                float* tile = to + (long)(i - i0) * Kc;
                for (int r = 0; r < height; r++)
                {
                    if (r >= rows)
                    {
                        for (int p = 0; p < Kc; p++)
                            tile[(long)p * height + r] = 0;
                        continue;
                    }
                    float* from = TransA ? A + (long)First * Lda + i + r : A + (long)(i + r) * Lda + First;
                    int step = TransA ? Lda : 1;
                    for (int p = 0; p < Kc; p++)
                        tile[(long)p * height + r] = from[(long)p * step];
                }
            }
        }
    }
}
