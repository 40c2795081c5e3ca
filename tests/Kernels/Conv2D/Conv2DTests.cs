using Graft.Kernels;
using Graft.Kernels.Cpu;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Kernels.Conv2D;

/// <summary>Convolutions of a training step, forward and both gradients, on every vector width against the reference loops, around every edge.</summary>
[Collection(CpuThreadsCollection.Name)]
public sealed class Conv2DTests
{
    public static TheoryData<int> Widths => [.. Conv2DRun.Widths];

    [Fact]
    public void Every_map_size_agrees_with_the_reference()
    {
        for (int size = 1; size <= 17; size++)
        {
            Check(Square(1 + size % 2, size, 16, 32, filter: 3, stride: 1, padding: 1), size);
            Check(Square(1, size + 2, 32, 16, filter: 3, stride: 1, padding: size % 3), size);
            Check(Square(3, size, 20, 24, filter: 1, stride: 1 + size % 3, padding: 0), size);
            Check(Square(2, size + 5, 3, 32, filter: size % 2 == 0 ? 7 : 3, stride: 1 + size % 2, padding: size % 4), size);
        }
    }

    [Fact]
    public void Every_number_of_channels_agrees_with_the_reference()
    {
        int seed = 0;
        foreach (int c in new[] { 1, 3, 15, 16, 17, 48, 80 })
        {
            foreach (int o in new[] { 1, 16, 31, 33, 64, 112 })
            {
                Check(Square(1, 7, c, o, filter: 3, stride: 1, padding: 1), ++seed);
                Check(Square(2, 6, c, o, filter: 1, stride: 1 + seed % 2, padding: 0), ++seed);
                Check(Square(1, 19, c, o, filter: 2, stride: 1, padding: seed % 2), ++seed);
            }
        }
    }

    [Fact]
    public void Uneven_windows_strides_dilations_and_groups_agree_with_the_reference()
    {
        int seed = 0;
        foreach (Padding2D padding in new[] { Padding2D.None, new Padding2D(0, 1, 0, 1), new Padding2D(1, 0, 2, 0), new Padding2D(2, 3, 1, 0) })
        {
            foreach ((int r, int s) in new[] { (1, 1), (3, 3), (1, 5), (4, 1), (7, 7) })
            {
                foreach ((int strideH, int strideW, int dilationH, int dilationW) in new[] { (1, 1, 1, 1), (2, 1, 1, 1), (1, 2, 2, 1), (3, 3, 1, 2) })
                {
                    Check(new Conv2DGeometry(1, 11, 17, 16, 32, r, s, strideH, strideW, dilationH, dilationW, padding, 1), ++seed);
                    Check(new Conv2DGeometry(1, 11, 17, 16, 16, r, s, strideH, strideW, dilationH, dilationW, padding, 2), ++seed);
                }
            }
        }
    }

    [Fact]
    public void Many_tiles_and_channels_beyond_one_block_agree_with_the_reference()
    {
        Check(Square(1, 8, 128, 112, filter: 3, stride: 1, padding: 1), 1);
        Check(Square(2, 60, 16, 16, filter: 3, stride: 1, padding: 1), 2); // more tiles than are summed at a time
        Check(Square(2, 9, 272, 128, filter: 1, stride: 1, padding: 0), 3);
        Check(Square(1, 9, 300, 900, filter: 1, stride: 1, padding: 0), 4); // one product keeps all threads busy
        Check(Square(1, 40, 3, 64, filter: 7, stride: 2, padding: 3), 5);
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Gradients_of_weights_in_several_rounds_agree_with_those_in_one(int bits) => At(bits, () =>
    {
        // 2 x 40 x 40 tiles of 36 positions and 160 numbers are more than one round takes.
        Conv2DGeometry g = Square(2, 158, 64, 64, filter: 3, stride: 1, padding: 1);
        using var run = new Conv2DRun(g, seed: 1);
        float[] whole = run.BackwardWeight(0);
        // The sum of the gradients of each image alone: 50 000 products a number, in float, in another order and by another path.
        float[] first = run.BackwardWeightOfImage(0), second = run.BackwardWeightOfImage(1);
        double scale = whole.Max(Math.Abs);
        for (int i = 0; i < whole.Length; i++)
            Assert.True(Math.Abs(first[i] + second[i] - whole[i]) <= 2e-5 * scale, $"Number {i}: {whole[i]}, image by image {first[i] + second[i]}.");
    });

    [Fact]
    public void One_two_and_five_threads_give_the_same_bits()
    {
        int threads = CpuThreads.Count;
        try
        {
            foreach (Conv2DGeometry g in new[]
            {
                Square(3, 20, 32, 64, filter: 3, stride: 1, padding: 1), Square(2, 14, 128, 160, filter: 1, stride: 1, padding: 0), Square(2, 15, 64, 96, filter: 1, stride: 2, padding: 0),
                Square(2, 40, 3, 64, filter: 7, stride: 2, padding: 3), Square(1, 9, 300, 900, filter: 1, stride: 1, padding: 0), Square(2, 158, 64, 64, filter: 3, stride: 1, padding: 1),
            })
            {
                using var run = new Conv2DRun(g, seed: 3);
                CpuThreads.Count = 1;
                float[][] one = run.All();
                foreach (int count in new[] { 2, 5 })
                {
                    CpuThreads.Count = count;
                    Assert.Equal(one, run.All());
                }
            }
        }
        finally
        {
            CpuThreads.Count = threads;
        }
    }

    [Fact]
    public void A_run_in_the_steady_state_allocates_nothing()
    {
        foreach (Conv2DGeometry g in new[] { Square(3, 20, 32, 64, filter: 3, stride: 1, padding: 1), Square(2, 14, 128, 160, filter: 1, stride: 1, padding: 0), Square(2, 40, 3, 64, filter: 7, stride: 2, padding: 3) })
        {
            using var run = new Conv2DRun(g, seed: 3);
            run.RunAll();
            long before = GC.GetAllocatedBytesForCurrentThread();
            run.RunAll();
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    private static void Check(in Conv2DGeometry g, int seed)
    {
        if (g.OutH < 1 || g.OutW < 1)
            return;
        using var run = new Conv2DRun(g, seed);
        run.Check(seed % 3 == 0 ? 1 : 0, At);
    }

    private static void At(int bits, Action test)
    {
        int before = LaneWidth.Current;
        try
        {
            LaneWidth.Current = bits;
            test();
        }
        finally
        {
            LaneWidth.Current = before;
        }
    }

    private static Conv2DGeometry Square(int n, int size, int c, int o, int filter, int stride, int padding) =>
        new(n, size, size, c, o, filter, filter, stride, stride, 1, 1, Padding2D.All(padding), 1);
}
