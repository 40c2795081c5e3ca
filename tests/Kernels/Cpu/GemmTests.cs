using Graft.Kernels;
using Graft.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Kernels.Cpu;

/// <summary>The matrix product of every vector width against a plain loop in double precision.</summary>
[Collection(CpuThreadsCollection.Name)]
public sealed unsafe class GemmTests
{
    // Edges of every tile (heights 1 to 14, widths 8, 16, 32, rows of 32, 64, 128), of a block (112 rows, 256 columns, 256 deep) and beyond.
    private static readonly int[] Edges = [1, 2, 3, 5, 13, 14, 15, 31, 32, 33, 64, 100];

    public static TheoryData<int> Tiles => [.. GemmTile.All.Where(t => t.IsSupported).Select(t => t.Id)];

    [Theory]
    [MemberData(nameof(Tiles))]
    public void Every_small_shape_agrees_with_double_precision(int tile)
    {
        int seed = 0;
        foreach (int m in Edges)
        {
            foreach (int n in Edges)
            {
                foreach (int k in Edges)
                {
                    // Transposes, beta and bias go round, so that each meets many shapes; strides are loose in every second shape.
                    seed++;
                    Check(tile, m, n, k, (seed & 1) != 0, (seed & 2) != 0, (seed % 3) switch { 0 => 0f, 1 => 1f, _ => -0.5f }, (seed & 4) != 0, seed % 2 * 3, seed);
                    Check(tile, m, n, k, (seed & 1) == 0, (seed & 2) == 0, 0, (seed & 4) == 0, seed % 2 * 3, seed);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Tiles))]
    public void Shapes_beyond_one_block_agree_with_double_precision(int tile)
    {
        foreach ((int m, int n, int k) in new[] { (1, 300, 515), (4, 130, 300), (5, 257, 300), (113, 30, 257), (120, 270, 256), (230, 33, 600), (7, 2100, 20), (1, 2100, 261), (900, 1, 70), (900, 40, 9) })
        {
            for (int variant = 0; variant < 8; variant++)
                Check(tile, m, n, k, (variant & 1) != 0, (variant & 2) != 0, (variant & 4) != 0 ? 1 : 0, variant % 3 == 0, 0, variant);
        }
    }

    [Theory]
    [MemberData(nameof(Tiles))]
    public void Rows_a_power_of_two_apart_take_the_copied_path_and_agree(int tile)
    {
        Check(tile, 30, 100, 512, false, false, 0, true, 0, 1);
        Check(tile, 30, 100, 512, false, true, 1, false, 0, 2);
    }

    [Theory]
    [MemberData(nameof(Tiles))]
    public void No_depth_leaves_beta_c_and_bias(int tile)
    {
        Check(tile, 3, 5, 0, false, false, 0, false, 0, 1);
        Check(tile, 3, 5, 0, false, false, 0, true, 0, 2);
        Check(tile, 3, 5, 0, false, false, 0.25f, true, 0, 3);
    }

    [Theory]
    [MemberData(nameof(Tiles))]
    public void A_row_has_the_same_bits_alone_and_among_others(int tile)
    {
        const int M = 37, N = 70, K = 300;
        using var a = GuardedBlock.Random(M * K, 1);
        using var b = GuardedBlock.Random(K * N, 2);
        using var all = new GuardedBlock(M * N);
        using var one = new GuardedBlock(N);
        Gemm.Run(GemmTile.All[tile], false, false, M, N, K, a.Pointer, K, b.Pointer, N, all.Pointer, N, 0, null);
        for (int i = 0; i < M; i++)
        {
            Gemm.Run(GemmTile.All[tile], false, false, 1, N, K, a.Pointer + i * K, K, b.Pointer, N, one.Pointer, N, 0, null);
            Assert.True(one.Values.SequenceEqual(all.Values.Slice(i * N, N)), $"Row {i} differs.");
        }
    }

    [Theory]
    [MemberData(nameof(Tiles))]
    public void One_two_and_three_threads_give_the_same_bits(int tile)
    {
        int before = CpuThreads.Count;
        try
        {
            foreach ((int m, int n, int k, bool transA, bool transB) in new[] { (230, 700, 300, false, false), (150, 300, 600, true, true), (2, 3000, 300, false, false), (3, 3001, 303, false, true), (3001, 1, 303, false, true) })
            {
                using var a = GuardedBlock.Random(m * k, 1);
                using var b = GuardedBlock.Random(k * n, 2);
                float[]? expected = null;
                foreach (int threads in new[] { 1, 2, 3 })
                {
                    CpuThreads.Count = threads;
                    using var c = new GuardedBlock(m * n);
                    Gemm.Run(GemmTile.All[tile], transA, transB, m, n, k, a.Pointer, transA ? m : k, b.Pointer, transB ? k : n, c.Pointer, n, 0, null);
                    expected ??= c.Values.ToArray();
                    Assert.True(c.Values.SequenceEqual(expected), $"{threads} threads differ from 1 at {m}x{n}x{k}.");
                }
            }
        }
        finally
        {
            CpuThreads.Count = before;
        }
    }

    [Theory]
    [MemberData(nameof(Tiles))]
    public void A_packed_b_gives_the_bits_of_an_unpacked_one(int tileId)
    {
        GemmTile tile = GemmTile.All[tileId];
        foreach ((int m, int n, int k, bool transB) in new[] { (30, 70, 300, false), (120, 2100, 40, true), (1, 5, 3, false) })
        {
            using var a = GuardedBlock.Random(m * k, 1);
            using var b = GuardedBlock.Random(k * n, 2);
            using var bias = GuardedBlock.Random(n, 3);
            using var packed = new GuardedBlock(tile.PaddedN(n) * k);
            using var c = new GuardedBlock(m * n);
            using var expected = new GuardedBlock(m * n);
            Gemm.PackWhole(tile, transB, n, k, b.Pointer, transB ? k : n, packed.Pointer);
            Gemm.RunPacked(tile, m, n, k, a.Pointer, k, packed.Pointer, c.Pointer, n, 0, bias.Pointer);
            Gemm.Run(tile, false, transB, m, n, k, a.Pointer, k, b.Pointer, transB ? k : n, expected.Pointer, n, 0, bias.Pointer);
            Assert.True(c.Values.SequenceEqual(expected.Values));
            packed.AssertGuardsUntouched();
            c.AssertGuardsUntouched();
        }
    }

    /// <summary>Few rows on a B beyond the cache have a path of their own on wide vectors: whole strips, their edges, blocks that end within four rows, and what the sums start from.</summary>
    [Theory]
    [MemberData(nameof(Tiles))]
    public void Few_rows_on_a_large_b_have_the_bits_of_packed_tiles_for_any_threads(int tileId)
    {
        GemmTile tile = GemmTile.All[tileId];
        int before = CpuThreads.Count;
        try
        {
            foreach ((int m, int n, int k) in new[] { (9, 2100, 130), (20, 1003, 301), (48, 64, 4099), (17, 4101, 67), (13, 257, 1025), (32, 512, 1024), (49, 600, 500), (64, 600, 500), (65, 600, 500) })
            {
                using var a = GuardedBlock.Random(m * k, 1);
                using var b = GuardedBlock.Random(k * n, 2);
                using var bias = GuardedBlock.Random(n, 3);
                using var packed = new GuardedBlock(tile.PaddedN(n) * k);
                Gemm.PackWhole(tile, false, n, k, b.Pointer, n, packed.Pointer);
                foreach (float beta in new[] { 0f, 1f })
                {
                    using var expected = GuardedBlock.Random(m * n, 4);
                    Gemm.RunPacked(tile, m, n, k, a.Pointer, k, packed.Pointer, expected.Pointer, n, beta, bias.Pointer);
                    foreach (int threads in new[] { 1, 2, 3 })
                    {
                        CpuThreads.Count = threads;
                        using var c = GuardedBlock.Random(m * n, 4);
                        Gemm.Run(tile, false, false, m, n, k, a.Pointer, k, b.Pointer, n, c.Pointer, n, beta, bias.Pointer);
                        Assert.True(c.Values.SequenceEqual(expected.Values), $"{m} x {n} x {k}, beta {beta}, {threads} threads.");
                        c.AssertGuardsUntouched();
                        b.AssertGuardsUntouched();
                    }
                }
            }
        }
        finally
        {
            CpuThreads.Count = before;
        }
    }

    [Fact]
    public void A_product_in_the_steady_state_allocates_nothing_on_the_calling_thread()
    {
        const int Size = 200;
        using var a = GuardedBlock.Random(Size * Size, 1);
        using var c = new GuardedBlock(Size * Size);
        Gemm.Run(false, true, Size, Size, Size, a.Pointer, Size, a.Pointer, Size, c.Pointer, Size, 0);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Gemm.Run(false, true, Size, Size, Size, a.Pointer, Size, a.Pointer, Size, c.Pointer, Size, 0);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    /// <summary>C starts as NaN where beta is 0, so a read of it shows; the gaps between its rows and the guards must stay as they were.</summary>
    private static void Check(int tile, int m, int n, int k, bool transA, bool transB, float beta, bool hasBias, int gap, int seed)
    {
        int lda = (transA ? m : k) + gap, ldb = (transB ? k : n) + gap, ldc = n + gap;
        using var a = GuardedBlock.Random(Math.Max(1, (transA ? k : m) * lda), seed);
        using var b = GuardedBlock.Random(Math.Max(1, (transB ? n : k) * ldb), seed + 1);
        using var bias = GuardedBlock.Random(n, seed + 2);
        using var c = GuardedBlock.Random(m * ldc, seed + 3);
        if (beta == 0)
            c.Values.Fill(float.NaN);
        float[] before = c.Values.ToArray();

        Gemm.Run(GemmTile.All[tile], transA, transB, m, n, k, a.Pointer, lda, b.Pointer, ldb, c.Pointer, ldc, beta, hasBias ? bias.Pointer : null);

        // Each of k steps rounds once, to at most 2^-24 of a partial sum that is below k + 2.
        double tolerance = (k + 2) * (k + 2.0) / (1 << 24);
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < ldc; j++)
            {
                float found = c.Values[i * ldc + j];
                if (j >= n)
                {
                    Assert.Equal(before[i * ldc + j], found);
                    continue;
                }
                double expected = (beta == 0 ? 0 : (double)beta * before[i * ldc + j]) + (hasBias ? bias.Values[j] : 0);
                for (int p = 0; p < k; p++)
                    expected += (double)a.Values[transA ? p * lda + i : i * lda + p] * b.Values[transB ? j * ldb + p : p * ldb + j];
                if (!(Math.Abs(expected - found) <= tolerance))
                    Assert.Fail($"{m}x{n}x{k} transA={transA} transB={transB} beta={beta} bias={hasBias}: c[{i},{j}] is {found}, not {expected}.");
            }
        }
        c.AssertGuardsUntouched();
    }
}
