using Graft.Kernels;
using Graft.Kernels.Cpu;
using Graft.Tests.Kernels.Cpu;
using Xunit;

namespace Graft.Tests.Kernels.FrozenDense;

/// <summary>Every vector width against the reference loops, around the edges of tiles, panels and blocks.</summary>
public sealed unsafe class FrozenDenseTests
{
    /// <summary>Outputs are about 1: sums in float of up to 3072 products that differ from those in double by some 1e-6.</summary>
    private const float Tolerance = 1e-5f;

    public static TheoryData<int> Tiles => [.. GemmTile.All.Where(t => t.IsSupported).Select(t => t.Id)];

    [Theory]
    [MemberData(nameof(Tiles))]
    public void Every_size_agrees_with_the_reference(int tile)
    {
        int seed = 0;
        foreach (int m in new[] { 1, 2, 3, 13, 14, 15, 200 })
        {
            foreach ((int k, int o) in new[] { (1, 1), (3, 5), (64, 192), (64, 33), (48, 50), (17, 257) })
                Check(tile, new FrozenDenseGeometry(m, k, o, (++seed % 3) switch { 0 => null, 1 => UnaryFormula.ReLU, _ => UnaryFormula.GeluTanh }), seed % 2 == 0, seed % 4 < 2, seed);
        }
    }

    [Theory]
    [MemberData(nameof(Tiles))]
    public void Deep_sums_agree_with_the_reference(int tile)
    {
        foreach (int m in new[] { 1, 5, 30 })
        {
            Check(tile, new FrozenDenseGeometry(m, 3072, 96), bias: true, residual: true, m);
            Check(tile, new FrozenDenseGeometry(m, 768, 160, UnaryFormula.Gelu), bias: true, residual: false, m);
            Check(tile, new FrozenDenseGeometry(m, 1600, 72), bias: false, residual: true, m);
        }
    }

    [Theory]
    [MemberData(nameof(Tiles))]
    public void A_row_alone_has_the_bits_that_it_has_among_others(int tile)
    {
        var kernels = new CpuFrozenDenseKernels(GemmTile.All[tile]);
        foreach ((int k, int o) in new[] { (5, 3), (64, 40), (768, 160), (1024, 200), (3072, 96), (1500, 33) })
        {
            foreach (bool residual in new[] { false, true })
            {
                const int Many = 13;
                using GuardedBlock x = GuardedBlock.Random(Many * k, 1), w = GuardedBlock.Random(k * o, 2), b = GuardedBlock.Random(o, 3), added = GuardedBlock.Random(Many * o, 4);
                float[] many = Run(kernels, new FrozenDenseGeometry(Many, k, o, UnaryFormula.GeluTanh), x, w, b, residual ? added : null, inPlace: false);
                for (int rows = 1; rows < Many; rows++)
                    Assert.Equal(many[..(rows * o)], Run(kernels, new FrozenDenseGeometry(rows, k, o, UnaryFormula.GeluTanh), x, w, b, residual ? added : null, inPlace: false));
            }
        }
    }

    private static void Check(int tile, FrozenDenseGeometry g, bool bias, bool residual, int seed)
    {
        using GuardedBlock x = GuardedBlock.Random(g.M * g.K, seed), w = GuardedBlock.Random(g.K * g.O, seed + 1), b = GuardedBlock.Random(g.O, seed + 2);
        using GuardedBlock added = GuardedBlock.Random(g.M * g.O, seed + 3);
        foreach (ref float v in w.Values)
            v *= MathF.Sqrt(3f / g.K);
        float[] expected = Run(KernelSet.Reference.FrozenDense, g, x, w, bias ? b : null, residual ? added : null, inPlace: false);
        foreach (bool inPlace in residual ? new[] { false, true } : [false])
        {
            float[] actual = Run(new CpuFrozenDenseKernels(GemmTile.All[tile]), g, x, w, bias ? b : null, residual ? added : null, inPlace);
            for (int i = 0; i < expected.Length; i++)
            {
                if (!(Math.Abs(expected[i] - actual[i]) <= Tolerance))
                    Assert.Fail($"{g}, bias {bias}, residual {residual}, in place {inPlace}: element {i} is {actual[i]}, the reference has {expected[i]}.");
            }
        }
    }

    private static float[] Run(FrozenDenseKernels kernels, FrozenDenseGeometry g, GuardedBlock x, GuardedBlock w, GuardedBlock? b, GuardedBlock? residual, bool inPlace)
    {
        using var packed = new GuardedBlock(checked((int)kernels.PackedSize(g.K, g.O)));
        using var y = new GuardedBlock(g.M * g.O);
        if (inPlace)
            residual!.Values.CopyTo(y.Values);
        kernels.Pack(g.K, g.O, At(w), At(packed));
        kernels.Run(g, At(x), At(packed), At(b), At(inPlace ? y : residual), At(y));
        foreach (GuardedBlock block in new[] { x, w, packed, y })
            block.AssertGuardsUntouched();
        return [.. y.Values];
    }

    private static DevicePtr<float> At(GuardedBlock? block) => block is null ? DevicePtr<float>.Null : new((nint)block.Pointer);
}
