using System.Runtime.Intrinsics.X86;
using Graft.Kernels;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Kernels.NarrowDense;

/// <summary>Weights of 16 and 8 bits: every way of multiplying bytes against the reference loops, around the edges of panels and blocks.</summary>
public sealed unsafe class NarrowDenseTests
{
    /// <summary>Outputs are about 1. Roundings of weights and inputs are the same on both sides; what differs is the order of float sums of up to 3072 products.</summary>
    private const float Tolerance = 1e-5f;

    private static readonly (int K, int O)[] s_sizes = [(1, 1), (2, 31), (5, 33), (127, 32), (128, 64), (129, 65), (768, 96), (3072, 40)];

    private static IEnumerable<BytePath> Paths => Enum.GetValues<BytePath>().Where(p => p switch { BytePath.Vnni => AvxVnni.IsSupported, BytePath.Avx512 => Avx512BW.IsSupported, BytePath.Avx2 => Avx2.IsSupported, _ => true });

    [Theory]
    [InlineData(WeightPrecision.BFloat16, 1)]
    [InlineData(WeightPrecision.BFloat16, 5)]
    [InlineData(WeightPrecision.BFloat16, 30)]
    [InlineData(WeightPrecision.BFloat16, 70)]
    [InlineData(WeightPrecision.Int8, 1)]
    [InlineData(WeightPrecision.Int8, 4)]
    [InlineData(WeightPrecision.Int8, 7)]
    public void Every_size_agrees_with_the_reference(WeightPrecision precision, int rows)
    {
        int seed = 0;
        foreach ((int k, int o) in s_sizes)
        {
            var g = new NarrowDenseGeometry(rows, k, o, precision, (++seed % 3) switch { 0 => null, 1 => UnaryFormula.ReLU, _ => UnaryFormula.GeluTanh });
            float[] expected = Run(KernelSet.Reference.NarrowDense, g, seed, transposed: seed % 2 == 0);
            foreach (BytePath path in Paths)
            {
                float[] actual = Run(new CpuNarrowDenseKernels(path), g, seed, transposed: seed % 2 == 0);
                for (int i = 0; i < expected.Length; i++)
                {
                    if (!(Math.Abs(expected[i] - actual[i]) <= Tolerance))
                        Assert.Fail($"{g}, {path}: element {i} is {actual[i]}, the reference has {expected[i]}.");
                }
            }
        }
    }

    [Theory]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    public void A_row_alone_has_the_bits_that_it_has_among_others(WeightPrecision precision)
    {
        foreach ((int k, int o) in s_sizes)
        {
            const int Many = 7; // of bfloat16, more may go by tiles, which add in another order
            foreach (BytePath path in precision == WeightPrecision.Int8 ? Paths : [BytePath.Portable])
            {
                var kernels = new CpuNarrowDenseKernels(path);
                using GuardedBlock x = GuardedBlock.Random(Many * k, 1), w = Weights(k, o, 2), b = GuardedBlock.Random(o, 3), residual = GuardedBlock.Random(Many * o, 4);
                float[] many = Run(kernels, new NarrowDenseGeometry(Many, k, o, precision), x, w, b, residual, transposed: false);
                for (int rows = 1; rows < Many; rows++)
                    Assert.Equal(many[..(rows * o)], Run(kernels, new NarrowDenseGeometry(rows, k, o, precision), x, w, b, residual, transposed: false));
            }
        }
    }

    [Fact]
    public void What_rounding_costs_is_what_the_formats_promise()
    {
        const int K = 768, O = 64;
        using GuardedBlock x = GuardedBlock.Random(K, 1), w = Weights(K, O, 2);
        var exact = new double[O];
        for (int o = 0; o < O; o++)
        {
            for (int k = 0; k < K; k++)
                exact[o] += (double)x.Values[k] * w.Values[k * O + o];
        }
        // Relative to the outputs' root mean square of about 1: 2^-9 / sqrt(3) a weight; for bytes 1 / (127 · 2 · sqrt(3)) for each of both sides and uniform numbers.
        foreach ((WeightPrecision precision, double bound) in new[] { (WeightPrecision.BFloat16, 0.002), (WeightPrecision.Int8, 0.012) })
        {
            float[] y = Run(KernelSet.Cpu.NarrowDense, new NarrowDenseGeometry(1, K, O, precision), x, w, null, null, transposed: false);
            double error = Math.Sqrt(y.Zip(exact, (a, b) => (a - b) * (a - b)).Sum() / exact.Sum(v => v * v));
            Assert.InRange(error, bound / 20, bound);
        }
    }

    [Fact]
    public void Bfloat16_rounds_to_the_nearest_and_ties_to_even()
    {
        foreach ((float value, float expected) in new[] { (1f, 1f), (1.00390625f, 1f), (1.01171875f, 1.015625f), (-3.14159274f, -3.140625f), (float.MaxValue, float.PositiveInfinity), (1e-40f, 9.18354962e-41f) })
            Assert.Equal(expected, Rounding.FromBFloat16(Rounding.ToBFloat16(value)));
        Assert.True(float.IsNaN(Rounding.FromBFloat16(Rounding.ToBFloat16(float.NaN))));
    }

    private static GuardedBlock Weights(int k, int o, int seed)
    {
        GuardedBlock w = GuardedBlock.Random(k * o, seed);
        foreach (ref float v in w.Values)
            v *= 3 / MathF.Sqrt(k);
        return w;
    }

    private static float[] Run(NarrowDenseKernels kernels, NarrowDenseGeometry g, int seed, bool transposed)
    {
        using GuardedBlock x = GuardedBlock.Random(g.M * g.K, seed), w = Weights(g.K, g.O, seed + 1), b = GuardedBlock.Random(g.O, seed + 2), residual = GuardedBlock.Random(g.M * g.O, seed + 3);
        return Run(kernels, g, x, w, seed % 3 == 0 ? null : b, seed % 2 == 0 ? null : residual, transposed);
    }

    private static float[] Run(NarrowDenseKernels kernels, NarrowDenseGeometry g, GuardedBlock x, GuardedBlock w, GuardedBlock? b, GuardedBlock? residual, bool transposed)
    {
        using var packed = new GuardedBlock(checked((int)((kernels.PackedBytes(g.K, g.O, g.Precision) + 3) / 4)));
        using var y = new GuardedBlock(g.M * g.O);
        var bytes = new DevicePtr<byte>((nint)packed.Pointer);
        kernels.Pack(g.K, g.O, g.Precision, transposed, At(w), bytes);
        kernels.Run(g, At(x), bytes, At(b), At(residual), At(y));
        foreach (GuardedBlock block in new[] { x, w, packed, y })
            block.AssertGuardsUntouched();
        return [.. y.Values];
    }

    private static DevicePtr<float> At(GuardedBlock? block) => block is null ? DevicePtr<float>.Null : new((nint)block.Pointer);
}
