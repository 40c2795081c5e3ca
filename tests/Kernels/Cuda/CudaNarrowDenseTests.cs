using Graft.Kernels;
using Graft.Tests.CudaEmulator;
using Xunit;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>Weights of 16 and 8 bits on the emulated GPU against the Reference set, around the edges of blocks and of what a kernel's block has.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaNarrowDenseTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    /// <summary>Outputs are about 1. Roundings of weights and inputs are the same on both sides; what differs is the order of float sums of up to 600 products.</summary>
    private const double Tolerance = 1e-5;

    private static readonly (int K, int O)[] s_sizes = [(1, 1), (5, 9), (127, 8), (128, 17), (129, 7), (600, 3)];

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData(WeightPrecision.BFloat16, 1, false)]
    [InlineData(WeightPrecision.BFloat16, 6, true)]
    [InlineData(WeightPrecision.Int8, 1, false)]
    [InlineData(WeightPrecision.Int8, 6, true)]
    public void Every_size_agrees_with_the_reference(WeightPrecision precision, int rows, bool isChecked)
    {
        emulator.Begin($"{nameof(Every_size_agrees_with_the_reference)} {precision} {rows}");
        (emulator.Checked, emulator.Tight) = (isChecked, isChecked);
        using var gpu = new EmulatedGpu();
        int seed = 0;
        foreach ((int k, int o) in s_sizes)
        {
            var g = new NarrowDenseGeometry(rows, k, o, precision, (++seed % 3) switch { 0 => null, 1 => UnaryFormula.ReLU, _ => UnaryFormula.GeluTanh });
            float[] expected = Run(KernelSet.Reference, g, seed), actual = Run(gpu.Kernels, g, seed);
            for (int i = 0; i < expected.Length; i++)
            {
                if (!(Math.Abs(expected[i] - actual[i]) <= Tolerance))
                    Assert.Fail($"{g}: element {i} is {actual[i]}, the reference has {expected[i]}.");
            }
        }
    }

    [Theory]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    public void A_row_alone_has_the_bits_that_it_has_among_others(WeightPrecision precision)
    {
        emulator.Begin($"{nameof(A_row_alone_has_the_bits_that_it_has_among_others)} {precision}");
        using var gpu = new EmulatedGpu();
        foreach ((int k, int o) in s_sizes)
        {
            float[] many = Run(gpu.Kernels, new NarrowDenseGeometry(3, k, o, precision), 1);
            Assert.Equal(many[..o], Run(gpu.Kernels, new NarrowDenseGeometry(1, k, o, precision), 1));
        }
    }

    /// <summary>Every second seed: transposed weights; every third: a bias, and the output where the residual is.</summary>
    private static float[] Run(KernelSet kernels, in NarrowDenseGeometry g, int seed)
    {
        DevicePtr<float> New(int count, int own, float size = 1) => KernelBlocks.New(kernels.Memory, KernelBlocks.Numbers(count, own, -size, size));
        float weight = 1 / MathF.Sqrt(g.K);
        DevicePtr<float> x = New(g.M * g.K, seed), w = New(g.K * g.O, seed + 100, weight), b = New(g.O, seed + 200), y = New(g.M * g.O, seed + 300);
        var packed = new DevicePtr<byte>(kernels.Memory.Allocate(kernels.NarrowDense.PackedBytes(g.K, g.O, g.Precision)));
        kernels.NarrowDense.Pack(g.K, g.O, g.Precision, seed % 2 == 0, w, packed);
        bool adds = seed % 3 == 1;
        kernels.NarrowDense.Run(g, x, packed, adds ? b : default, adds ? y : default, y);
        float[] values = KernelBlocks.Read(kernels.Memory, y, g.M * g.O);
        foreach (nint block in new[] { x.Address, w.Address, b.Address, y.Address, packed.Address })
            kernels.Memory.Free(block);
        return values;
    }
}
