using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Graft.Kernels.Cpu;

/// <summary>
/// Few rows times a large B, as a batch on a wide layer has them: B comes from memory for little arithmetic, so that its one pass is what counts. Each row of B is read once, from
/// its beginning to its end, and the sums go through the first-level cache, four rows of B at a time. B comes as one stream, which is what memory is fast at: a batch of 20 takes
/// two thirds to two fifths of the time of tiles on a Zen 3, and nine tenths to a third on a Xeon.
/// </summary>
/// <remarks>Each sum is one chain of multiply-adds in the order of k, as a tile makes it: to the bit the same.</remarks>
internal static unsafe partial class Gemm
{
    /// <summary>Rows from which on arithmetic counts more than the way that B comes.</summary>
    private const int MostUpdatedRows = 48, MostWideUpdatedRows = 64;

    /// <summary>Rows of B that meet the sums at a time: with the vectors of an update of each, and as many sums, they fill the registers.</summary>
    private const int UpdateDepth = 4;

    /// <summary>Columns of an update: two vectors.</summary>
    private const int UpdateColumns = 16;

    /// <summary>The same on 512 bits: four vectors, since there are twice the registers.</summary>
    private const int WideUpdateColumns = 64;

    /// <summary>Sums that stay in the first-level cache, 20 KiB of them.</summary>
    private const int NearSums = 5120;

    /// <summary>Numbers of a block of B, which stays in the second-level cache from when it was asked for until the last of its columns were met; its depth follows.</summary>
    private const int UpdateBlock = 1 << 16;

    private const int LeastUpdateBlockDepth = 32, MostUpdateBlockDepth = 128;

    /// <summary>How many rows of B further on is asked for.</summary>
    private const int RowsAhead = 32;

    /// <summary>Strips of columns for each slice of rows: with two threads there are eight where a row is wide enough for them, and each waits for one of its eight; four of 64 columns are fewest.</summary>
    private const int StripsPerSlice = 4;

    /// <summary>With fewer, waiting takes more than is won.</summary>
    private const int FewestStripsPerSlice = 2;

    /// <summary>Columns of a chunk: a whole row where there is one thread, since each piece of a row costs a look-up of its page.</summary>
    private const int FewestUpdatedColumns = 64, MostUpdatedColumns = 2048;

    /// <summary>A smaller B lies in the second-level cache as often as not, and there tiles are faster.</summary>
    private const long SmallestUpdatedB = 1 << 18;

    private static bool ServesUpdates(GemmTile tile, int m, int n, int k) =>
        tile != GemmTile.Portable && m <= (tile == GemmTile.V512 ? MostWideUpdatedRows : MostUpdatedRows) && n >= FewestUpdatedColumns && (long)n * k > SmallestUpdatedB;

    private static void RunUpdates(in GemmProduct product)
    {
        int threads = product.Work >= SmallestThreadedProduct ? WorkerPool.Threads : 1;
        int columns = ColumnsOf(product, threads), strips = (product.N + columns - 1) / columns, slices = 1;
        if (threads > 1 && product.K >= threads * WeightOwners.BlockRows && WeightOwners.OwnRows(product.N, threads))
        {
            int narrow = ColumnsOf(product, StripsPerSlice * threads), many = (product.N + narrow - 1) / narrow;
            if (many >= FewestStripsPerSlice * threads)
                (columns, strips, slices) = (narrow, many, threads);
        }
        int* met = stackalloc int[slices > 1 ? strips : 0]; // slices that a strip has met
        new Span<int>(met, slices > 1 ? strips : 0).Clear();
        var body = new UpdatesBody(product, columns, slices, met);
        RunChunks(product.Work, slices * strips, ref body);
    }

    /// <summary>Columns of a chunk where each row is cut into so many shares.</summary>
    private static int ColumnsOf(in GemmProduct product, int shares) =>
        Math.Clamp(RoundUp((product.N + shares - 1) / shares, WidestUpdate(product.Tile)), FewestUpdatedColumns, MostUpdatedColumns);

    /// <summary>
    /// One chunk: all rows of A, some columns, and a slice of the depth, which is all of it where threads own columns. Sums lie in strips of <see cref="_near"/> columns, each without gaps.
    /// </summary>
    /// <remarks>
    /// Where threads own rows of B, a strip of columns goes from slice to slice, so that each sum stays one chain in the order of k: while one thread adds the second slice to the first strip, the other adds
    /// the first slice to the second.
    /// </remarks>
    private readonly struct UpdatesBody(GemmProduct product, int columns, int slices, int* met) : IChunkBody
    {
        private readonly GemmProduct _product = product;
        private readonly int _strips = (product.N + columns - 1) / columns;
        private readonly int _near = NearSums / product.M / WidestUpdate(product.Tile) * WidestUpdate(product.Tile);
        private readonly bool _isWide = product.Tile == GemmTile.V512;

        public void Run(int chunk)
        {
            int slice = chunk / _strips, strip = chunk % _strips;
            if (slice > 0 && !HasMet(strip, slice))
                return; // another chunk has failed
            int n0 = strip * columns, width = Math.Min(columns, _product.N - n0), m = _product.M, kEnd = FirstRow(slice + 1);
            float* sums = Scratch.Rent(ScratchSlot.PackedB, (long)m * RoundUp(width, UpdateColumns));
            for (int j = 0; j < width; j += _near)
                Begin(sums + (nint)j * m, n0 + j, Math.Min(_near, width - j), slice == 0);

            int depth = Math.Clamp(UpdateBlock / width, LeastUpdateBlockDepth, MostUpdateBlockDepth);
            for (int k0 = FirstRow(slice); k0 < kEnd; k0 += depth)
            {
                int kCount = Math.Min(depth, kEnd - k0);
                float* a = RowsOfA(k0, kCount, out nint lda);
                for (int j = 0; j < width; j += _near)
                    Add(a, lda, k0, kCount, n0 + j, Math.Min(_near, width - j), sums + (nint)j * m);
            }

            for (int j = 0; j < width; j += _near)
                End(sums + (nint)j * m, n0 + j, Math.Min(_near, width - j));
            if (slices > 1)
                Volatile.Write(ref met[strip], slice + 1);
        }

        /// <summary>Waits until the strip has met the slices before; they were taken earlier, so that some thread is at them. False if the job has failed.</summary>
        private bool HasMet(int strip, int slice)
        {
            var spin = new SpinWait();
            while (Volatile.Read(ref met[strip]) < slice)
            {
                if (WorkerPool.HasFailed)
                    return false;
                spin.SpinOnce(sleep1Threshold: -1);
            }
            return true;
        }

        /// <summary>The first row of B of a slice: a multiple of <see cref="WeightOwners.BlockRows"/>.</summary>
        private int FirstRow(int slice) => slice == slices ? _product.K : (int)((long)(_product.K / WeightOwners.BlockRows) * slice / slices) * WeightOwners.BlockRows;

        /// <summary>Fills the sums of a strip with what they start from, or with what the slices before have brought to C.</summary>
        private void Begin(float* sums, int n, int width, bool isFirst)
        {
            int stride = RoundUp(width, UpdateColumns);
            new Span<float>(sums, _product.M * stride).Clear();
            if (!isFirst)
                GemmPacking.Copy(_product.C + n, _product.Ldc, _product.M, width, sums, stride);
            else if (_product.Start != null)
                GemmPacking.Copy(_product.Start + n, _product.StartStride, _product.M, width, sums, stride);
        }

        /// <summary>Brings the sums of a strip to C.</summary>
        private void End(float* sums, int n, int width) =>
            GemmPacking.Copy(sums, RoundUp(width, UpdateColumns), _product.M, width, _product.C + n, _product.Ldc);

        /// <summary>Adds a block's products to the sums of a strip.</summary>
        private void Add(float* a, nint lda, int k0, int kCount, int n, int width, float* sums)
        {
            int m = _product.M, whole = width / UpdateColumns * UpdateColumns, stride = RoundUp(width, UpdateColumns);
            nint ldb = _product.Ldb;
            for (int k = 0; k < kCount; k += UpdateDepth)
            {
                int rows = Math.Min(UpdateDepth, kCount - k);
                float* b = _product.B + (k0 + k) * ldb + n;
                nint ahead = k0 + k + RowsAhead + UpdateDepth <= _product.K ? RowsAhead * ldb : 0;
                Update(_isWide, m, whole, rows, a + k, lda, b, ldb, sums, stride, ahead);
                if (whole < width)
                    AddEdge(m, width - whole, rows, a + k, lda, b + whole, ldb, sums + whole, stride);
            }
        }

        /// <summary>The last columns, fewer than an update has: through a copy of full width.</summary>
        [SkipLocalsInit]
        private static void AddEdge(int m, int width, int rows, float* a, nint lda, float* b, nint ldb, float* sums, nint stride)
        {
            float* edge = stackalloc float[UpdateDepth * UpdateColumns];
            GemmPacking.Copy(b, ldb, rows, width, edge, UpdateColumns);
            GemmPacking.ClearColumns(edge, UpdateColumns, rows, width);
            Update(false, m, UpdateColumns, rows, a, lda, edge, UpdateColumns, sums, stride, 0);
        }

        private float* RowsOfA(int k0, int kCount, out nint lda)
        {
            lda = _product.Lda;
            if (!NeedsCopy(_product))
                return _product.A + k0;
            lda = MostUpdateBlockDepth + RowPadding;
            float* packed = Scratch.Rent(ScratchSlot.PackedA, (long)MostWideUpdatedRows * (MostUpdateBlockDepth + RowPadding));
            GemmPacking.Copy(_product.A + k0, _product.Lda, _product.M, kCount, packed, lda);
            return packed;
        }
    }

    /// <summary>Columns of the widest update that the processor has registers for.</summary>
    private static int WidestUpdate(GemmTile tile) => tile == GemmTile.V512 ? WideUpdateColumns : UpdateColumns;

    /// <summary>sums [m,width] += a [m,rows] b [rows,width] with up to <see cref="UpdateDepth"/> rows of b, the width being a multiple of <see cref="UpdateColumns"/>.</summary>
    private static void Update(bool isWide, int m, int width, int rows, float* a, nint lda, float* b, nint ldb, float* sums, nint stride, nint ahead)
    {
        if (rows < UpdateDepth)
        {
            for (int k = 0; k < rows; k++)
                UpdateByOne(m, width, a + k, lda, b + k * ldb, sums, stride);
            return;
        }
        int wide = isWide ? width / WideUpdateColumns * WideUpdateColumns : 0;
        if (wide > 0)
            WideUpdateByFour(m, wide, a, lda, b, ldb, sums, stride, ahead);
        if (wide < width)
            UpdateByFour(m, width - wide, a, lda, b + wide, ldb, sums + wide, stride, ahead);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void WideUpdateByFour(int m, int width, float* a, nint lda, float* b, nint ldb, float* sums, nint stride, nint ahead)
    {
        for (int j = 0; j < width; j += WideUpdateColumns, b += WideUpdateColumns, sums += WideUpdateColumns)
        {
            float* row0 = b, row1 = row0 + ldb, row2 = row1 + ldb, row3 = row2 + ldb;
            if (Sse.IsSupported && ahead != 0)
            {
                for (nint line = ahead; line < ahead + WideUpdateColumns; line += 16)
                {
                    Sse.Prefetch1(row0 + line);
                    Sse.Prefetch1(row1 + line);
                    Sse.Prefetch1(row2 + line);
                    Sse.Prefetch1(row3 + line);
                }
            }
            Vector512<float> b00 = Vector512.Load(row0), b01 = Vector512.Load(row0 + 16), b02 = Vector512.Load(row0 + 32), b03 = Vector512.Load(row0 + 48);
            Vector512<float> b10 = Vector512.Load(row1), b11 = Vector512.Load(row1 + 16), b12 = Vector512.Load(row1 + 32), b13 = Vector512.Load(row1 + 48);
            Vector512<float> b20 = Vector512.Load(row2), b21 = Vector512.Load(row2 + 16), b22 = Vector512.Load(row2 + 32), b23 = Vector512.Load(row2 + 48);
            Vector512<float> b30 = Vector512.Load(row3), b31 = Vector512.Load(row3 + 16), b32 = Vector512.Load(row3 + 32), b33 = Vector512.Load(row3 + 48);
            float* x = a, s = sums;
            for (int i = m; i > 0; i--, x += lda, s += stride)
            {
                Vector512<float> s0 = Vector512.Load(s), s1 = Vector512.Load(s + 16), s2 = Vector512.Load(s + 32), s3 = Vector512.Load(s + 48);
                AddRow(x[0], b00, b01, b02, b03, ref s0, ref s1, ref s2, ref s3);
                AddRow(x[1], b10, b11, b12, b13, ref s0, ref s1, ref s2, ref s3);
                AddRow(x[2], b20, b21, b22, b23, ref s0, ref s1, ref s2, ref s3);
                AddRow(x[3], b30, b31, b32, b33, ref s0, ref s1, ref s2, ref s3);
                s0.Store(s);
                s1.Store(s + 16);
                s2.Store(s + 32);
                s3.Store(s + 48);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(
        float x, Vector512<float> b0, Vector512<float> b1, Vector512<float> b2, Vector512<float> b3,
        ref Vector512<float> s0, ref Vector512<float> s1, ref Vector512<float> s2, ref Vector512<float> s3)
    {
        Vector512<float> t = Vector512.Create(x);
        s0 = Vector512.FusedMultiplyAdd(t, b0, s0);
        s1 = Vector512.FusedMultiplyAdd(t, b1, s1);
        s2 = Vector512.FusedMultiplyAdd(t, b2, s2);
        s3 = Vector512.FusedMultiplyAdd(t, b3, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void UpdateByFour(int m, int width, float* a, nint lda, float* b, nint ldb, float* sums, nint stride, nint ahead)
    {
        for (int j = 0; j < width; j += UpdateColumns, b += UpdateColumns, sums += UpdateColumns)
        {
            float* row0 = b, row1 = row0 + ldb, row2 = row1 + ldb, row3 = row2 + ldb;
            if (Sse.IsSupported && ahead != 0)
            {
                Sse.Prefetch1(row0 + ahead);
                Sse.Prefetch1(row1 + ahead);
                Sse.Prefetch1(row2 + ahead);
                Sse.Prefetch1(row3 + ahead);
            }
            Vector256<float> b00 = Vector256.Load(row0), b01 = Vector256.Load(row0 + 8), b10 = Vector256.Load(row1), b11 = Vector256.Load(row1 + 8);
            Vector256<float> b20 = Vector256.Load(row2), b21 = Vector256.Load(row2 + 8), b30 = Vector256.Load(row3), b31 = Vector256.Load(row3 + 8);
            float* x = a, s = sums;
            for (int i = m; i > 0; i--, x += lda, s += stride)
            {
                Vector256<float> s0 = Vector256.Load(s), s1 = Vector256.Load(s + 8);
                Vector256<float> t = Vector256.Create(x[0]);
                s0 = Vector256.FusedMultiplyAdd(t, b00, s0);
                s1 = Vector256.FusedMultiplyAdd(t, b01, s1);
                t = Vector256.Create(x[1]);
                s0 = Vector256.FusedMultiplyAdd(t, b10, s0);
                s1 = Vector256.FusedMultiplyAdd(t, b11, s1);
                t = Vector256.Create(x[2]);
                s0 = Vector256.FusedMultiplyAdd(t, b20, s0);
                s1 = Vector256.FusedMultiplyAdd(t, b21, s1);
                t = Vector256.Create(x[3]);
                s0 = Vector256.FusedMultiplyAdd(t, b30, s0);
                s1 = Vector256.FusedMultiplyAdd(t, b31, s1);
                s0.Store(s);
                s1.Store(s + 8);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void UpdateByOne(int m, int width, float* a, nint lda, float* b, float* sums, nint stride)
    {
        for (int j = 0; j < width; j += 8, b += 8, sums += 8)
        {
            Vector256<float> v = Vector256.Load(b);
            float* x = a, s = sums;
            for (int i = m; i > 0; i--, x += lda, s += stride)
                Vector256.FusedMultiplyAdd(Vector256.Create(*x), v, Vector256.Load(s)).Store(s);
        }
    }
}
