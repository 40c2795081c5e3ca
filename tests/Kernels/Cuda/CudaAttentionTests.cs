using Graft.Kernels;
using Graft.Tests.CudaEmulator;
using Xunit;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>Attention over whole sequences in each precision, on the emulated GPU against the Reference set.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaAttentionTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    public static TheoryData<ComputePrecision, int, int, int, int, float, int, bool> Cases
    {
        get
        {
            var data = new TheoryData<ComputePrecision, int, int, int, int, float, int, bool>();
            foreach (ComputePrecision precision in Enum.GetValues<ComputePrecision>())
            {
                data.Add(precision, 1, 1, 1, 4, 0, 0, true); // one token
                data.Add(precision, 2, 37, 3, 8, 0, 0, true);
                data.Add(precision, 1, 66, 2, 33, 0.2f, 1, true); // tails of everything, from an address that is not one of four numbers
                data.Add(precision, 1, 130, 1, 64, 0, 0, true);
            }
            data.Add(ComputePrecision.Float32, 2, 66, 66, 4, 0.1f, 0, false); // so many heads that a block has 64 queries
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Outputs_and_gradients_are_the_references_but_for_roundings(ComputePrecision precision, int n, int t, int heads, int d, float dropout, int offset, bool isChecked)
    {
        emulator.Begin($"{nameof(Outputs_and_gradients_are_the_references_but_for_roundings)} {precision} {t} {d}");
        (emulator.Checked, emulator.Tight) = (isChecked, isChecked);
        using var gpu = new EmulatedGpu();
        var g = new CausalAttentionGeometry(n, t, heads, d, 0.4f, dropout, 11);
        foreach (float beta in new[] { 0f, 1f })
        {
            float[][] expected = Run(KernelSet.Reference, g, 0, beta), actual = Run(gpu.Kernels.In(precision), g, offset, beta);
            // Factors in (-1, 1) are rounded before each product, and weights that were made of rounded scores once more.
            double rounding = precision switch
            {
                ComputePrecision.Float32 => Math.Pow(2, -21),
                ComputePrecision.BFloat16 => Math.Pow(2, -8),
                _ => Math.Pow(2, -11),
            };
            double largest = 0;
            for (int part = 0; part < expected.Length; part++)
            {
                double magnitude = Math.Max(1, expected[part].Max(Math.Abs));
                for (int i = 0; i < expected[part].Length; i++)
                {
                    double error = Math.Abs((double)expected[part][i] - actual[part][i]) / magnitude;
                    Assert.True(error <= 8 * rounding, $"Beta {beta}, result {part}, number {i}: {actual[part][i]} for {expected[part][i]}; {error} of {8 * rounding}.");
                    largest = Math.Max(largest, error);
                }
            }
            if (precision != ComputePrecision.Float32)
                Assert.True(largest > rounding / 64, $"Nothing was rounded: the largest error is {largest}.");
        }
    }

    [Theory]
    [InlineData(ComputePrecision.Float32)]
    [InlineData(ComputePrecision.TF32)]
    [InlineData(ComputePrecision.BFloat16)]
    public void A_token_that_is_no_number_spoils_what_sees_it_alone(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(A_token_that_is_no_number_spoils_what_sees_it_alone)} {precision}");
        using var gpu = new EmulatedGpu();
        MemoryKernels memory = gpu.Kernels.Memory;
        var g = new CausalAttentionGeometry(1, 70, 1, 8, 0.4f);
        float[] numbers = KernelBlocks.Numbers(g.T * 3 * g.C, 1);
        numbers[50 * 3 * g.C + g.C] = float.NaN; // a number of the key of token 50
        DevicePtr<float> qkv = KernelBlocks.New(memory, numbers), y = KernelBlocks.New(memory, new float[g.T * g.C]);
        gpu.Kernels.In(precision).CausalAttention.Forward(g, qkv, y, DevicePtr<float>.Null);
        float[] result = KernelBlocks.Read(memory, y, g.T * g.C);
        for (int i = 0; i < result.Length; i++)
            Assert.Equal(i / g.C >= 50, float.IsNaN(result[i]));
        memory.Free(qkv.Address);
        memory.Free(y.Address);
    }

    /// <summary>y, lse and the gradient; qkv and what belongs to it begin so many numbers behind a block's begin.</summary>
    private static float[][] Run(KernelSet kernels, in CausalAttentionGeometry g, int offset, float beta)
    {
        MemoryKernels memory = kernels.Memory;
        int rows = g.N * g.T, heads = g.N * g.Heads * g.T;
        float[] Shifted(int count, int seed) => [.. new float[offset], .. KernelBlocks.Numbers(count, seed)];
        DevicePtr<float> qkv = KernelBlocks.New(memory, Shifted(rows * 3 * g.C, 1)), y = KernelBlocks.New(memory, Shifted(rows * g.C, 2)), dy = KernelBlocks.New(memory, Shifted(rows * g.C, 3)),
            dqkv = KernelBlocks.New(memory, Shifted(rows * 3 * g.C, 4)), lse = KernelBlocks.New(memory, new float[heads]);
        kernels.CausalAttention.Forward(g, qkv.At(offset), y.At(offset), lse);
        kernels.CausalAttention.Backward(g, qkv.At(offset), y.At(offset), lse, dy.At(offset), dqkv.At(offset), beta);
        float[][] all = [KernelBlocks.Read(memory, y.At(offset), rows * g.C), KernelBlocks.Read(memory, lse, heads), KernelBlocks.Read(memory, dqkv.At(offset), rows * 3 * g.C)];
        foreach (DevicePtr<float> block in new[] { qkv, y, dy, dqkv, lse })
            memory.Free(block.Address);
        return all;
    }
}
