using System.Runtime.InteropServices;

namespace Graft.Tests.Kernels.Cpu;

/// <summary>Native floats with a guard band on both sides that <see cref="AssertGuardsUntouched"/> checks.</summary>
internal sealed unsafe class GuardedBlock : IDisposable
{
    private const int Guard = 64;
    private const uint Pattern = 0x7fc12345; // a NaN: reading it by mistake shows in results

    private readonly uint* _block;
    private readonly int _count;

    public GuardedBlock(int count)
    {
        _count = count;
        _block = (uint*)NativeMemory.AlignedAlloc((nuint)(count + 2 * Guard) * sizeof(float), 64);
        new Span<uint>(_block, count + 2 * Guard).Fill(Pattern);
    }

    public float* Pointer => (float*)(_block + Guard);

    public Span<float> Values => new(Pointer, _count);

    public static GuardedBlock Random(int count, int seed)
    {
        var block = new GuardedBlock(count);
        var random = new Random(seed);
        foreach (ref float value in block.Values)
            value = random.NextSingle() * 2 - 1;
        return block;
    }

    public void AssertGuardsUntouched()
    {
        Assert.Equal(-1, new Span<uint>(_block, Guard).IndexOfAnyExcept(Pattern));
        Assert.Equal(-1, new Span<uint>(_block + Guard + _count, Guard).IndexOfAnyExcept(Pattern));
    }

    public void Dispose() => NativeMemory.AlignedFree(_block);
}
