using Graft.Kernels;
using Graft.Tests.CudaEmulator;
using Xunit;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>Products of one to some rows on the emulated GPU against the Reference set: around the edges of pieces, warps, tiles and groups of rows, normalised before and as they are.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaFewRowsTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    /// <summary>Outputs are about 1; the order of float sums of up to 8000 products differs. Int8 rounds inputs, which normalising in another order moves over an edge now and then.</summary>
    private const double Tolerance = 2e-5, RoundedTolerance = 2e-2;

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    /// <summary>Inputs: a vector, a piece and one more vector, two parts, four, eight and a second piece, more than shared memory holds with a norm. Outputs: less than a warp's, odd, more than a wave of blocks.</summary>
    public static TheoryData<int, int, int, bool> Sizes => new()
    {
        { 1, 4, 1, true }, { 1, 768, 5, true }, { 1, 776, 33, true }, { 1, 1536, 19, false }, { 1, 3072, 9, false }, { 1, 8000, 3, false }, { 1, 12, 20001, false },
        { 2, 8, 3, true }, { 5, 768, 18, true }, { 8, 3072, 7, false }, { 8, 48, 7001, false }, { 4, 768, 1, true },
    };

    [Theory, MemberData(nameof(Sizes))]
    public void Every_precision_agrees_with_the_reference(int rows, int k, int o, bool isChecked)
    {
        emulator.Begin($"{nameof(Every_precision_agrees_with_the_reference)} {rows} {k} {o}");
        (emulator.Checked, emulator.Tight) = (isChecked, isChecked);
        using var gpu = new EmulatedGpu();
        int seed = rows + k + o;
        UnaryFormula? activation = (seed % 4) switch { 0 => null, 1 => UnaryFormula.GeluTanh, 2 => UnaryFormula.Gelu, _ => UnaryFormula.Tanh };
        foreach (WeightPrecision precision in Enum.GetValues<WeightPrecision>())
        {
            foreach (bool isNormed in new[] { false, true })
            {
                float[] expected = Run(KernelSet.Reference, precision, rows, k, o, activation, isNormed, out _), actual = Run(gpu.Kernels, precision, rows, k, o, activation, isNormed, out bool isOne);
                Assert.Equal(isNormed && k < 4000 && (precision != WeightPrecision.BFloat16 || k % 8 == 0), isOne);
                double tolerance = isNormed && precision == WeightPrecision.Int8 ? RoundedTolerance : Tolerance;
                for (int i = 0; i < expected.Length; i++)
                {
                    if (!(Math.Abs(expected[i] - actual[i]) <= tolerance))
                        Assert.Fail($"{precision}, {(isNormed ? "normalised" : "as they are")}: element {i} is {actual[i]}, the reference has {expected[i]}.");
                }
            }
        }
    }

    [Fact]
    public void A_row_alone_has_the_bits_that_it_has_among_others_and_not_a_number_stays_in_its_row()
    {
        emulator.Begin(nameof(A_row_alone_has_the_bits_that_it_has_among_others_and_not_a_number_stays_in_its_row));
        using var gpu = new EmulatedGpu();
        const int K = 776, O = 21;
        foreach (WeightPrecision precision in Enum.GetValues<WeightPrecision>())
        {
            foreach (bool isNormed in new[] { false, true })
            {
                float[] many = Run(gpu.Kernels, precision, 6, K, O, null, isNormed, out _, spoiled: 5);
                Assert.Equal(many[..O], Run(gpu.Kernels, precision, 1, K, O, null, isNormed, out _));
                Assert.All(many[..^O], v => Assert.True(float.IsFinite(v)));
                Assert.All(many[^O..], v => Assert.True(float.IsNaN(v)));
            }
        }
    }

    [Fact]
    public void Addresses_that_are_not_those_of_vectors_are_taken_too()
    {
        emulator.Begin(nameof(Addresses_that_are_not_those_of_vectors_are_taken_too));
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        float[] expected = Run(KernelSet.Reference, WeightPrecision.Float32, 1, 64, 5, null, false, out _, offset: 1);
        Assert.All(expected.Zip(Run(gpu.Kernels, WeightPrecision.Float32, 1, 64, 5, null, false, out _, offset: 1)), p => Assert.Equal(p.First, p.Second, Tolerance));
        expected = Run(KernelSet.Reference, WeightPrecision.BFloat16, 3, 64, 5, null, false, out _, offset: 3);
        Assert.All(expected.Zip(Run(gpu.Kernels, WeightPrecision.BFloat16, 3, 64, 5, null, false, out _, offset: 3)), p => Assert.Equal(p.First, p.Second, Tolerance));
    }

    /// <summary>With bias, and the output where the residual is. Where the set has no kernel that normalises, its own norm comes before.</summary>
    private static float[] Run(KernelSet kernels, WeightPrecision precision, int rows, int k, int o, UnaryFormula? activation, bool isNormed, out bool isOne, int spoiled = -1, int offset = 0)
    {
        MemoryKernels memory = kernels.Memory;
        DevicePtr<float> New(int count, int own, float size = 1) => KernelBlocks.New(memory, KernelBlocks.Numbers(count, own, -size, size));
        float[] numbers = [.. new float[offset], .. KernelBlocks.Numbers(8 * k, 1, -1, 1).AsSpan(0, rows * k)];
        if (spoiled >= 0)
            numbers[offset + spoiled * k + 1] = float.NaN;
        DevicePtr<float> block = KernelBlocks.New(memory, numbers), x = block.At(offset), w = New(k * o, 2, 1 / MathF.Sqrt(k)), b = New(o, 3),
            y = KernelBlocks.New(memory, KernelBlocks.Numbers(8 * o, 4, -1, 1)[..(rows * o)]), normed = New(rows * k, 5), statistics = New(2 * rows, 6);
        var norm = new RowNorm(New(k, 7), New(k, 8), 1e-5f);
        isOne = false;
        void Norm()
        {
            kernels.LayerNorm.Forward(new LayerNormGeometry(rows, k, norm.Epsilon), x, norm.Scale, norm.Shift, normed, statistics, statistics.At(rows));
        }
        nint packed;
        if (precision == WeightPrecision.Float32)
        {
            var weights = new DevicePtr<float>(packed = memory.Allocate(kernels.FrozenDense.PackedSize(k, o) * sizeof(float)));
            kernels.FrozenDense.Pack(k, o, w, weights);
            var g = new FrozenDenseGeometry(rows, k, o, activation);
            if (isNormed && !(isOne = kernels.FrozenDense.RunNormed(g, norm, x, weights, b, y, y)))
                Norm();
            if (!isOne)
                kernels.FrozenDense.Run(g, isNormed ? normed : x, weights, b, y, y);
        }
        else
        {
            var weights = new DevicePtr<byte>(packed = memory.Allocate(kernels.NarrowDense.PackedBytes(k, o, precision)));
            kernels.NarrowDense.Pack(k, o, precision, false, w, weights);
            var g = new NarrowDenseGeometry(rows, k, o, precision, activation);
            if (isNormed && !(isOne = kernels.NarrowDense.RunNormed(g, norm, x, weights, b, y, y)))
                Norm();
            if (!isOne)
                kernels.NarrowDense.Run(g, isNormed ? normed : x, weights, b, y, y);
        }
        float[] values = KernelBlocks.Read(memory, y, rows * o);
        foreach (nint address in new[] { block.Address, w.Address, b.Address, y.Address, normed.Address, statistics.Address, norm.Scale.Address, norm.Shift.Address, packed })
            memory.Free(address);
        return values;
    }
}
