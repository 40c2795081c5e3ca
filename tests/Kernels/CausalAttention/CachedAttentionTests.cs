using Graft.Kernels;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Kernels.CausalAttention;

/// <summary>Attention to keys and values that were read before.</summary>
public sealed unsafe class CachedAttentionTests
{
    private const int Capacity = 130;

    /// <summary>Outputs are means of numbers up to 1; sums of up to 130 products in float differ from those in double by less than 1e-6.</summary>
    private const float Tolerance = 2e-6f;

    [Theory]
    [InlineData(1, 4)]
    [InlineData(1, 16)]
    [InlineData(1, 64)]
    [InlineData(1, 67)]
    [InlineData(2, 33)]
    [InlineData(3, 20)]
    [InlineData(60, 16)]
    public void Cpu_equals_the_reference(int newTokens, int d)
    {
        var g = new CachedAttentionGeometry(3, newTokens, Capacity, 2, d, 0.3f);
        int* past = stackalloc int[] { 0, 5, Capacity - newTokens };
        using GuardedBlock qkv = GuardedBlock.Random(g.Sequences * newTokens * 3 * g.C, 1);
        var results = new List<float[]>();
        foreach (KernelSet set in new[] { KernelSet.Reference, KernelSet.Cpu })
        {
            using GuardedBlock keys = GuardedBlock.Random(g.Sequences * Capacity * g.C, 2), values = GuardedBlock.Random(g.Sequences * Capacity * g.C, 3);
            using var y = new GuardedBlock(g.Sequences * newTokens * g.C);
            set.CausalAttention.ForwardCached(g, At(qkv), new DevicePtr<int>((nint)past), At(keys), At(values), At(y));
            foreach (GuardedBlock block in new[] { qkv, keys, values, y })
                block.AssertGuardsUntouched();
            results.Add([.. keys.Values, .. values.Values, .. y.Values]);
        }
        for (int i = 0; i < results[0].Length; i++)
        {
            if (!(Math.Abs(results[0][i] - results[1][i]) <= Tolerance))
                Assert.Fail($"{g}: element {i} is {results[1][i]}, the reference has {results[0][i]}.");
        }
    }

    [Theory]
    [InlineData("reference")]
    [InlineData("cpu")]
    public void Reading_in_pieces_gives_what_reading_at_once_gives(string set)
    {
        CausalAttentionKernels kernels = (set == "cpu" ? KernelSet.Cpu : KernelSet.Reference).CausalAttention;
        const int Length = 90, Heads = 3, D = 16, C = Heads * D;
        using GuardedBlock qkv = GuardedBlock.Random(Length * 3 * C, 4);
        using GuardedBlock whole = new(Length * C), pieces = new(Length * C), keys = new(Capacity * C), values = new(Capacity * C);
        kernels.Forward(new CausalAttentionGeometry(1, Length, Heads, D, 0.25f), At(qkv), At(whole), DevicePtr<float>.Null);
        int past = 0;
        foreach (int count in new[] { 7, 1, 1, 70, 1, 10 })
        {
            kernels.ForwardCached(
                new CachedAttentionGeometry(1, count, Capacity, Heads, D, 0.25f), At(qkv).At(past * 3 * C), new DevicePtr<int>((nint)(&past)), At(keys), At(values),
                At(pieces).At(past * C));
            past += count;
        }
        Assert.Equal(Length, past);
        for (int i = 0; i < Length * C; i++)
            Assert.InRange(pieces.Values[i], whole.Values[i] - Tolerance, whole.Values[i] + Tolerance);
    }

    private static DevicePtr<float> At(GuardedBlock block) => new((nint)block.Pointer);
}
