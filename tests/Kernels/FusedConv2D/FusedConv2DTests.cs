using Graft.Kernels;
using Graft.Kernels.Cpu;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Kernels.FusedConv2D;

/// <summary>Every algorithm on every vector width against the reference loops, around every edge.</summary>
[Collection(CpuThreadsCollection.Name)]
public sealed class FusedConv2DTests
{
    private static readonly ConvAlgorithm[] Algorithms = Enum.GetValues<ConvAlgorithm>(), Pooling = [ConvAlgorithm.WinogradF2, ConvAlgorithm.WinogradF4];

    public static TheoryData<int> Tiles => [.. Supported];

    private static IEnumerable<int> Supported => GemmTile.All.Where(t => t.IsSupported).Select(t => t.Id);

    [Fact]
    public void Every_map_size_agrees_with_the_reference()
    {
        for (int size = 1; size <= 40; size++)
        {
            Sweep(Square(1 + size % 3, size, 16, 32, filter: 3, stride: 1, padding: 1), size);
            Sweep(Square(1 + size % 5, Math.Min(size, 20), 16, 48, filter: 3, stride: 1, padding: size % 3), size);
            Sweep(Square(1, size, 5, 40, filter: 1, stride: 1 + size % 2, padding: 0), size);
            Sweep(Square(2, size, 3, 33, filter: size % 2 == 0 ? 7 : 3, stride: 1 + size % 2, padding: size % 2 == 0 ? 3 : 1), size);
        }
    }

    [Fact]
    public void Every_number_of_channels_agrees_with_the_reference()
    {
        int seed = 0;
        foreach (int c in new[] { 1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 32, 48, 64, 130 })
        {
            foreach (int o in new[] { 1, 7, 8, 16, 17, 31, 32, 33, 64, 80 })
            {
                Sweep(Square(1, 6, c, o, filter: 3, stride: 1, padding: 1), ++seed);
                Sweep(Square(3, 5, c, o, filter: 1, stride: 1, padding: 0), ++seed);
            }
        }
    }

    [Fact]
    public void Uneven_windows_agree_with_the_reference()
    {
        int seed = 0;
        foreach (Padding2D padding in new[] { Padding2D.None, new Padding2D(0, 1, 0, 1), new Padding2D(1, 0, 1, 0), new Padding2D(2, 3, 1, 0) })
        {
            foreach ((int r, int s) in new[] { (1, 1), (3, 3), (1, 5), (4, 1), (5, 5), (7, 7) })
            {
                foreach ((int strideH, int strideW, int dilationH, int dilationW) in new[] { (1, 1, 1, 1), (2, 1, 1, 1), (1, 2, 2, 1), (3, 3, 1, 2), (1, 1, 2, 2) })
                    Sweep(new FusedConv2DGeometry(2, 13, 15, 16, 32, r, s, strideH, strideW, dilationH, dilationW, padding), ++seed);
            }
        }
    }

    [Fact]
    public void Depths_and_strides_beyond_one_block_agree_with_the_reference()
    {
        Sweep(Square(2, 7, 512, 64, filter: 3, stride: 1, padding: 1), 1);
        Sweep(Square(1, 9, 1024, 160, filter: 1, stride: 1, padding: 0), 2); // rows 4 KiB apart are copied
        Sweep(Square(1, 15, 512, 160, filter: 1, stride: 2, padding: 0), 3);
        Sweep(Square(1, 9, 256, 136, filter: 3, stride: 2, padding: 1), 4);
        Sweep(Square(5, 17, 32, 64, filter: 3, stride: 1, padding: 1), 5);
        Sweep(Square(1, 60, 16, 16, filter: 3, stride: 1, padding: 1), 6);
    }

    [Fact]
    public void Pixels_that_share_their_memory_with_other_channels_agree_with_the_reference()
    {
        int seed = 0;
        foreach (int filter in new[] { 1, 3 })
        {
            FusedConv2DGeometry g = Square(2, 9, 16, 32, filter, stride: 1, padding: 0);
            g = g with
            {
                Input = ImageLayout.Dense(9, 9, 21),
                Output = ImageLayout.Dense(g.OutH, g.OutW, 40),
                Residual = ImageLayout.Dense(g.OutH, g.OutW, 35),
            };
            Check(g, Algorithms, bias: true, residual: true, ++seed, 0, 0);
        }
    }

    [Fact]
    public void Max_pooling_after_a_convolution_agrees_with_the_reference()
    {
        FusedConv2DKernels[] widths = [.. Supported.Select(FusedConv2DRun.Kernels)];
        for (int size = 2; size <= 21; size++)
        {
            FusedConv2DGeometry square = Square(1 + size % 3, size, 16, 16 + size % 2 * 32, filter: 3, stride: 1, padding: 1);
            foreach (FusedConv2DGeometry g in new[] { square, square with { W = size + 3 }, square with { Padding = Padding2D.All(2), H = size + 1 } })
            {
                FusedConv2DGeometry pooled = (g with { Activation = (FusedActivation)(size % 3), Residual = ImageLayout.Dense(g.OutH, g.OutW, g.O) }).WithMaxPool();
                Assert.All(widths, kernels => Assert.All(Pooling, algorithm => Assert.True(kernels.Supports(algorithm, pooled))));
                Check(pooled with { Input = ImageLayout.Dense(g.H, g.W, g.C) }, Pooling, bias: size % 4 != 0, residual: size % 3 == 0, size, 0, 0);
                Check(pooled.WithOutputBorder(1) with { Input = ImageLayout.Dense(g.H, g.W, g.C) }, Pooling, bias: true, residual: false, size, 1, 0);
            }
        }
        FusedConv2DGeometry plain = Square(1, 8, 16, 16, filter: 3, stride: 1, padding: 1).WithInputBorder(1).WithMaxPool();
        Assert.All(widths, kernels => Assert.All(Algorithms.Except(Pooling), algorithm => Assert.False(kernels.Supports(algorithm, plain))));
    }

    [Theory]
    [MemberData(nameof(Tiles))]
    public void Max_pooling_after_a_convolution_keeps_NaN(int tile)
    {
        FusedConv2DGeometry g = Square(1, 8, 16, 16, filter: 3, stride: 1, padding: 1) with { Activation = FusedActivation.ReLU };
        FusedConv2DKernels kernels = FusedConv2DRun.Kernels(tile);
        foreach (int pixel in new[] { 0, 9, 18, 27 }) // each place of a 2 x 2 window
        {
            using var run = new FusedConv2DRun(g.WithMaxPool(), bias: true, residual: true, 5);
            run.SetResidual(pixel * 16 + 3, float.NaN);
            float[] y = run.Output(kernels, ConvAlgorithm.WinogradF4);
            int window = (pixel / 8 / 2 * 4 + pixel % 8 / 2) * 16 + 3;
            Assert.True(float.IsNaN(y[window]));
            Assert.Equal(1, y.Count(float.IsNaN));
        }
    }

    [Theory]
    [MemberData(nameof(Tiles))]
    public void The_output_may_take_the_place_of_the_residual(int tile)
    {
        foreach ((int c, int filter) in new[] { (16, 3), (512, 1), (512, 3), (3, 3) })
        {
            foreach (int o in new[] { 64, 48, 20 })
            {
                FusedConv2DGeometry g = Square(2, 9, c, o, filter, stride: 1, padding: filter / 2) with { Activation = FusedActivation.ReLU };
                using var run = new FusedConv2DRun(g.WithInputBorder(1), bias: true, residual: true, 3);
                FusedConv2DKernels kernels = FusedConv2DRun.Kernels(tile);
                foreach (ConvAlgorithm algorithm in Algorithms.Where(a => kernels.Supports(a, g.WithInputBorder(1))))
                    Assert.Equal(run.Output(kernels, algorithm), run.OutputInPlaceOfResidual(kernels, algorithm));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Tiles))]
    public void One_and_two_threads_give_the_same_bits(int tile)
    {
        int threads = CpuThreads.Count;
        try
        {
            foreach (FusedConv2DGeometry g in ThreadedShapes())
            {
                using var run = new FusedConv2DRun(g.WithInputBorder(3), bias: true, residual: true, 7);
                FusedConv2DKernels kernels = FusedConv2DRun.Kernels(tile);
                foreach (ConvAlgorithm algorithm in Algorithms.Where(a => kernels.Supports(a, g.WithInputBorder(3))))
                {
                    CpuThreads.Count = 1;
                    float[] one = run.Output(kernels, algorithm);
                    CpuThreads.Count = 2;
                    Assert.Equal(one, run.Output(kernels, algorithm));
                    CpuThreads.Count = 5;
                    Assert.Equal(one, run.Output(kernels, algorithm));
                }
            }
        }
        finally
        {
            CpuThreads.Count = threads;
        }
    }

    [Theory]
    [MemberData(nameof(Tiles))]
    public void A_run_allocates_nothing(int tile)
    {
        foreach (FusedConv2DGeometry g in ThreadedShapes())
        {
            using var run = new FusedConv2DRun(g.WithInputBorder(3), bias: true, residual: true, 7);
            FusedConv2DKernels kernels = FusedConv2DRun.Kernels(tile);
            foreach (ConvAlgorithm algorithm in Algorithms.Where(a => kernels.Supports(a, g.WithInputBorder(3))))
                Assert.Equal(0, run.AllocatedBytes(kernels, algorithm));
        }
    }

    [Fact]
    public void A_geometry_outside_the_domain_is_refused_by_name()
    {
        FusedConv2DGeometry g = Square(1, 8, 16, 32, filter: 3, stride: 2, padding: 1);
        var thrown = Assert.Throws<NotSupportedException>(() => KernelSet.Cpu.FusedConv2D.Run(g, ConvAlgorithm.Pointwise, default, default, default, default, default));
        Assert.Contains("Pointwise", thrown.Message, StringComparison.Ordinal);
        Assert.Throws<NotSupportedException>(() => KernelSet.Cpu.FusedConv2D.Pack(g, ConvAlgorithm.WinogradF4, default, default));
    }

    private static IEnumerable<FusedConv2DGeometry> ThreadedShapes() =>
    [
        Square(3, 20, 32, 64, filter: 3, stride: 1, padding: 1) with { Activation = FusedActivation.ReLU },
        Square(1, 9, 64, 80, filter: 3, stride: 1, padding: 1),
        Square(2, 14, 512, 160, filter: 1, stride: 1, padding: 0),
        Square(1, 40, 3, 40, filter: 7, stride: 2, padding: 3) with { Activation = FusedActivation.ReLU6 },
        Square(3, 21, 32, 64, filter: 3, stride: 1, padding: 1).WithMaxPool(),
    ];

    private static FusedConv2DGeometry Square(int n, int size, int c, int o, int filter, int stride, int padding) =>
        new(n, size, size, c, o, filter, filter, stride, stride, 1, 1, Padding2D.All(padding));

    /// <summary>All algorithms that take the geometry, with borders, epilogues and residuals going round.</summary>
    private static void Sweep(FusedConv2DGeometry g, int seed)
    {
        if (g.OutH < 1 || g.OutW < 1)
            return;
        g = g with { Activation = (FusedActivation)(seed % 3) };
        int padding = Math.Max(Math.Max(g.Padding.Top, g.Padding.Bottom), Math.Max(g.Padding.Left, g.Padding.Right));
        Check(g.WithInputBorder(padding), Algorithms, bias: seed % 4 != 0, residual: seed % 2 == 0, seed, 0, 0);
        int outputBorder = seed % 2, residualBorder = seed / 2 % 2;
        FusedConv2DGeometry bordered = g.WithOutputBorder(outputBorder) with { Residual = ImageLayout.Bordered(g.OutH, g.OutW, g.O, residualBorder) };
        Check(seed % 5 == 0 ? bordered.WithInputBorder(padding + 1) : bordered, Algorithms, bias: true, residual: seed % 2 == 1, seed, outputBorder, residualBorder);
    }

    /// <summary>Those of the algorithms that take the geometry, on every vector width and the same numbers: the reference is computed once for all.</summary>
    private static void Check(in FusedConv2DGeometry g, ConvAlgorithm[] algorithms, bool bias, bool residual, int seed, int outputBorder, int residualBorder)
    {
        FusedConv2DGeometry whole = g with { MaxPool = false };
        using var run = new FusedConv2DRun(g, bias, residual, seed, outputBorder, residualBorder);
        foreach (int tile in Supported)
        {
            FusedConv2DKernels kernels = FusedConv2DRun.Kernels(tile);
            Assert.True(kernels.Supports(kernels.Choose(whole), whole));
            foreach (ConvAlgorithm algorithm in algorithms)
            {
                if (kernels.Supports(algorithm, g))
                    run.Check(kernels, algorithm, Tolerance(algorithm), tile);
            }
        }
    }

    /// <summary>
    /// Outputs here are up to about 6. Sums in float of up to 4608 products of about 0.02 differ from those in double by some 1e-6;
    /// Winograd's transforms lose 3, 10 and 50 times as much (measured maxima 9e-7, 5e-6 and 1.3e-5 of the largest output).
    /// </summary>
    private static float Tolerance(ConvAlgorithm algorithm) => algorithm switch
    {
        ConvAlgorithm.WinogradF2 => 1e-5f,
        ConvAlgorithm.WinogradF3 => 3e-5f,
        ConvAlgorithm.WinogradF4 => 1e-4f,
        _ => 1e-5f,
    };
}
