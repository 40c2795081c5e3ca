using Graft.Kernels;
using Graft.Tests.CudaEmulator;
using Xunit;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>Attention to keys and values that were read before, on the emulated GPU against the Reference set.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaCachedAttentionTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    /// <summary>Outputs are means of numbers up to 1; sums of up to 300 products in float differ from those in double by less than 1e-6.</summary>
    private const double Tolerance = 2e-6;

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData(1, 4, 20, true)]
    [InlineData(1, 64, 300, false)] // more keys than one pass has
    [InlineData(1, 12, 130, true)] // three blocks a head, the last with a key or two
    [InlineData(1, 64, 2200, false)] // more blocks than join at once
    [InlineData(1, 67, 20, true)]
    [InlineData(2, 33, 40, true)]
    [InlineData(3, 72, 20, true)] // wider than the tiles are
    [InlineData(34, 16, 80, false)]
    public void The_outputs_and_what_is_kept_are_the_references(int newTokens, int d, int capacity, bool isChecked)
    {
        emulator.Begin($"{nameof(The_outputs_and_what_is_kept_are_the_references)} {newTokens} {d}");
        (emulator.Checked, emulator.Tight) = (isChecked, isChecked);
        using var gpu = new EmulatedGpu();
        var g = new CachedAttentionGeometry(3, newTokens, capacity, 2, d, 0.3f);
        float[] expected = Run(KernelSet.Reference, g), actual = Run(gpu.Kernels, g);
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs(expected[i] - actual[i]) <= Tolerance))
                Assert.Fail($"{g}: element {i} is {actual[i]}, the reference has {expected[i]}.");
        }
    }

    private static float[] Run(KernelSet kernels, in CachedAttentionGeometry g)
    {
        MemoryKernels memory = kernels.Memory;
        int cache = g.Sequences * g.Capacity * g.C, rows = g.Sequences * g.NewTokens;
        DevicePtr<float> qkv = KernelBlocks.New(memory, KernelBlocks.Numbers(rows * 3 * g.C, 1)), keys = KernelBlocks.New(memory, KernelBlocks.Numbers(cache, 2)),
            values = KernelBlocks.New(memory, KernelBlocks.Numbers(cache, 3)), y = KernelBlocks.New(memory, new float[rows * g.C]);
        var past = new DevicePtr<int>(memory.Allocate(g.Sequences * sizeof(int)));
        memory.Upload<int>([0, 5, g.Capacity - g.NewTokens], past);
        kernels.CausalAttention.ForwardCached(g, qkv, past, keys, values, y);
        float[] all = [.. KernelBlocks.Read(memory, keys, cache), .. KernelBlocks.Read(memory, values, cache), .. KernelBlocks.Read(memory, y, rows * g.C)];
        foreach (nint block in new[] { qkv.Address, keys.Address, values.Address, y.Address, past.Address })
            memory.Free(block);
        return all;
    }
}
