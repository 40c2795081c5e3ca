using Graft.Kernels;
using Graft.Kernels.Cuda;
using Graft.Tests.CudaEmulator;
using Xunit;
using static Graft.Tests.Kernels.KernelBlocks;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>Products of float32 tensors in each precision, on the emulated GPU: as exact as it says and no more. The emulator rounds factors as tensor cores do.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaPrecisionTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int N = 7, I = 40, O = 9;

    private static readonly Conv2DGeometry s_convolution = new(2, 6, 7, 9, 12, 3, 3, 2, 1, 1, 1, new Padding2D(0, 1, 1, 1), 1);

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    /// <summary>The most that a factor is rounded by, as a share of it: half of a last place.</summary>
    private static double Rounding(ComputePrecision precision) => precision switch
    {
        ComputePrecision.TF32 => Math.Pow(2, -11),
        ComputePrecision.BFloat16 => Math.Pow(2, -8),
        ComputePrecision.Float16 => Math.Pow(2, -11),
        _ => Math.Pow(2, -22), // of sums
    };

    public static TheoryData<ComputePrecision> All => new(Enum.GetValues<ComputePrecision>());

    [Theory, MemberData(nameof(All))]
    public void Dense_layers_round_both_factors_and_nothing_else(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Dense_layers_round_both_factors_and_nothing_else)} {precision}");
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        Compare(precision, outputRounding: 0, Dense(KernelSet.Reference, absolute: false), Dense(gpu.Kernels.In(precision), absolute: false), Dense(KernelSet.Reference, absolute: true));
    }

    [Theory, MemberData(nameof(All))]
    public void Matrix_products_round_both_factors_and_nothing_else(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Matrix_products_round_both_factors_and_nothing_else)} {precision}");
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        Compare(precision, outputRounding: 0, MatMul(KernelSet.Reference, absolute: false), MatMul(gpu.Kernels.In(precision), absolute: false), MatMul(KernelSet.Reference, absolute: true));
    }

    [Theory]
    [InlineData(ComputePrecision.TF32, 7, 41, 9)]
    [InlineData(ComputePrecision.BFloat16, 600, 37, 11)] // more rows than are made at once
    [InlineData(ComputePrecision.BFloat16, 24, 16, 13)]
    [InlineData(ComputePrecision.Float16, 9, 12, 2050)]
    public void Products_of_odd_sizes_are_the_same_by_way_of_other_rows(ComputePrecision precision, int m, int k, int n)
    {
        emulator.Begin($"{nameof(Products_of_odd_sizes_are_the_same_by_way_of_other_rows)} {precision} {m}");
        (emulator.Checked, emulator.Tight) = (true, true);
        using var gpu = new EmulatedGpu();
        CudaContext context = ((CudaKernelSet)gpu.Kernels).Context;
        CudaProducts plain = new(context, precision), padded = new(context, precision) { FewestPadded = 1 };
        MemoryKernels memory = gpu.Kernels.Memory;
        DevicePtr<float> a = New(memory, Numbers(m * k, 1)), b = New(memory, Numbers(k * n, 2));
        foreach (var (turnA, turnB) in new[] { (false, false), (true, false), (false, true), (true, true) })
        {
            float[][] results = [.. new[] { plain, padded }.Select(products =>
            {
                DevicePtr<float> c = New(memory, Numbers(m * n, 3));
                products.Multiply(turnA, turnB, m, n, k, a, b, c, 1);
                float[] sums = Read(memory, c, m * n);
                products.Multiply(turnA, turnB, m, n, k, a, b, c, 0);
                float[] result = [.. sums, .. Read(memory, c, m * n)];
                memory.Free(c.Address);
                return result;
            })];
            for (int i = 0; i < results[0].Length; i++)
                Assert.Equal(results[0][i], results[1][i], 1e-5);
        }
        memory.Free(a.Address);
        memory.Free(b.Address);
    }

    [Theory, MemberData(nameof(All))]
    public void Convolutions_of_cudnn_round_both_factors_and_in_16_bits_the_sums(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Convolutions_of_cudnn_round_both_factors_and_in_16_bits_the_sums)} {precision}");
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        Compare(precision, precision.IsNarrow() ? Rounding(precision) : 0, Convolution(KernelSet.Reference, absolute: false), Convolution(gpu.Kernels.In(precision), absolute: false),
            Convolution(KernelSet.Reference, absolute: true));
        if (precision != ComputePrecision.Float32)
            Assert.Contains($"in {precision.Word()}", gpu.Kernels.In(precision).FusedConv2D.Routine(ConvAlgorithm.General), StringComparison.Ordinal);
    }

    [Fact]
    public void Own_convolutions_stay_float32_and_say_so()
    {
        emulator.Begin(nameof(Own_convolutions_stay_float32_and_say_so));
        using var gpu = new EmulatedGpu(usesCudnn: false);
        KernelSet kernels = gpu.Kernels.In(ComputePrecision.TF32);
        Compare(ComputePrecision.Float32, outputRounding: 0, Convolution(KernelSet.Reference, absolute: false), Convolution(kernels, absolute: false), Convolution(KernelSet.Reference, absolute: true));
        Assert.Equal("Conv2D by own kernels in float32", kernels.FusedConv2D.Routine(ConvAlgorithm.General));
    }

    [Fact]
    public void Another_precision_changes_nothing_for_float32()
    {
        emulator.Begin(nameof(Another_precision_changes_nothing_for_float32));
        using var gpu = new EmulatedGpu();
        float[][] before = [.. Dense(gpu.Kernels, absolute: false), .. Convolution(gpu.Kernels, absolute: false)];
        foreach (ComputePrecision precision in Enum.GetValues<ComputePrecision>())
        {
            Dense(gpu.Kernels.In(precision), absolute: false);
            Convolution(gpu.Kernels.In(precision), absolute: false);
        }
        Assert.Equal(before, [.. Dense(gpu.Kernels, absolute: false), .. Convolution(gpu.Kernels, absolute: false)]);
        Assert.Same(gpu.Kernels, gpu.Kernels.In(ComputePrecision.TF32).In(ComputePrecision.Float32));
    }

    [Theory]
    [InlineData(ComputePrecision.TF32)]
    [InlineData(ComputePrecision.BFloat16)]
    public void A_gpu_before_ampere_refuses_by_its_capability(ComputePrecision precision)
    {
        var turing = new CudaDeviceInfo(0, "Tesla T4", 7, 5, 16L << 30, 40);
        GraftException e = Assert.Throws<GraftException>(() => CudaKernelSet.Demand(precision, turing));
        Assert.Equal($"cuda:0 does not compute in {precision.Word()}: that takes compute capability 8.0 (Ampere) or later, Tesla T4 has 7.5. Take float32 or fp16.", e.Message);
        CudaKernelSet.Demand(ComputePrecision.Float16, turing);
        CudaKernelSet.Demand(precision, turing with { Major = 8, Minor = 0 });
    }

    [Theory]
    [InlineData(ComputePrecision.TF32)]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void A_processor_refuses_and_says_what_does(ComputePrecision precision)
    {
        foreach (KernelSet kernels in new[] { KernelSet.Cpu, KernelSet.Reference })
        {
            GraftException e = Assert.Throws<GraftException>(() => kernels.In(precision));
            Assert.Contains($"{kernels.Name} computes in float32 alone, not in {precision.Word()}", e.Message, StringComparison.Ordinal);
            Assert.Same(kernels, kernels.In(ComputePrecision.Float32));
        }
    }

    /// <summary>
    /// A sum of products a b errs by at most 2 roundings of each |a b|, summed; the roundings are as large as that somewhere, or they would not be there.
    /// </summary>
    private static void Compare(ComputePrecision precision, double outputRounding, float[][] expected, float[][] actual, float[][] magnitudes)
    {
        double rounding = Rounding(precision), largest = 0;
        for (int r = 0; r < expected.Length; r++)
        {
            for (int i = 0; i < expected[r].Length; i++)
            {
                double error = Math.Abs((double)expected[r][i] - actual[r][i]), most = 2.01 * rounding * magnitudes[r][i] + outputRounding * Math.Abs(expected[r][i]) + 1e-6;
                Assert.True(error <= most, $"Result {r}, number {i}: {actual[r][i]} for {expected[r][i]} errs by {error}, at most {most} are due.");
                largest = Math.Max(largest, error / magnitudes[r][i]);
            }
        }
        if (precision != ComputePrecision.Float32)
            Assert.True(largest > rounding / 16, $"Nothing was rounded: the largest error is {largest} of a sum's magnitude.");
    }

    private static float[] Values(int count, int seed, bool absolute) => absolute ? Array.ConvertAll(Numbers(count, seed), Math.Abs) : Numbers(count, seed);

    /// <summary>y, dx and dw, the gradients added to what is there.</summary>
    private static float[][] Dense(KernelSet kernels, bool absolute)
    {
        var g = new DenseGeometry(N, I, O);
        using var blocks = new Blocks(kernels.Memory, absolute);
        DevicePtr<float> x = blocks.New(N * I, 1), w = blocks.New(I * O, 2), b = blocks.New(O, 3), dy = blocks.New(N * O, 4), y = blocks.New(N * O, 5), dx = blocks.New(N * I, 6), dw = blocks.New(I * O, 7);
        kernels.Dense.Forward(g, x, w, b, y);
        kernels.Dense.BackwardInput(g, dy, w, dx, 1);
        kernels.Dense.BackwardWeight(g, x, dy, dw, 0);
        return [Read(kernels.Memory, y, N * O), Read(kernels.Memory, dx, N * I), Read(kernels.Memory, dw, I * O)];
    }

    /// <summary>y, da and db of a batch of products with transposed factors, the second one for all.</summary>
    private static float[][] MatMul(KernelSet kernels, bool absolute)
    {
        var g = new MatMulGeometry(5, 6, 8, true, true, [0, 1, 2], [0, 0, 0], 3, 1);
        using var blocks = new Blocks(kernels.Memory, absolute);
        DevicePtr<float> a = blocks.New(3 * 40, 1), b = blocks.New(48, 2), dy = blocks.New(3 * 30, 3), y = blocks.New(3 * 30, 4), da = blocks.New(3 * 40, 5), db = blocks.New(48, 6);
        kernels.MatMul.Forward(g, a, b, y);
        kernels.MatMul.BackwardA(g, dy, b, da, 1);
        kernels.MatMul.BackwardB(g, a, dy, db, 0);
        return [Read(kernels.Memory, y, 3 * 30), Read(kernels.Memory, da, 3 * 40), Read(kernels.Memory, db, 48)];
    }

    private static float[][] Convolution(KernelSet kernels, bool absolute)
    {
        Conv2DGeometry g = s_convolution;
        int xs = g.N * g.H * g.W * g.C, ws = g.O * g.R * g.S * g.GroupC, ys = g.N * g.OutH * g.OutW * g.O;
        using var blocks = new Blocks(kernels.Memory, absolute);
        DevicePtr<float> x = blocks.New(xs, 1), w = blocks.New(ws, 2), b = blocks.New(g.O, 3), dy = blocks.New(ys, 4), y = blocks.New(ys, 5), dx = blocks.New(xs, 6), dw = blocks.New(ws, 7);
        kernels.Conv2D.Forward(g, x, w, b, y);
        kernels.Conv2D.BackwardInput(g, dy, w, dx, 1);
        kernels.Conv2D.BackwardWeight(g, x, dy, dw, 0);
        return [Read(kernels.Memory, y, ys), Read(kernels.Memory, dx, xs), Read(kernels.Memory, dw, ws)];
    }

    /// <summary>Blocks of numbers that are given back together.</summary>
    private sealed class Blocks(MemoryKernels memory, bool absolute) : IDisposable
    {
        private readonly List<nint> _all = [];

        public DevicePtr<float> New(int count, int seed)
        {
            DevicePtr<float> block = KernelBlocks.New(memory, Values(count, seed, absolute));
            _all.Add(block.Address);
            return block;
        }

        public void Dispose() => _all.ForEach(memory.Free);
    }
}
