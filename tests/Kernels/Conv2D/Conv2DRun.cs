using Graft.Kernels;
using Graft.Kernels.Cpu;
using Graft.Tests.Kernels.Cpu;

namespace Graft.Tests.Kernels.Conv2D;

/// <summary>One convolution on guarded memory: a stray read is a NaN in the result, a stray write shows in the guards.</summary>
internal sealed unsafe class Conv2DRun : IDisposable
{
    /// <summary>
    /// Share of the largest number (at least 1) that may be off: Winograd's F(4x4) alone errs by up to 1.3e-5 of the largest output, and gradients of
    /// weights sum thousands of products in float where the reference has double.
    /// </summary>
    private const double Tolerance = 4e-5;

    private readonly Conv2DGeometry _g;
    private readonly GuardedBlock _x, _w, _b, _dy, _result;

    public Conv2DRun(in Conv2DGeometry g, int seed)
    {
        _g = g;
        _x = GuardedBlock.Random(g.N * g.H * g.W * g.C, seed);
        _w = GuardedBlock.Random(g.O * g.R * g.S * g.GroupC, seed + 1);
        _b = GuardedBlock.Random(g.O, seed + 2);
        _dy = GuardedBlock.Random(g.N * g.OutH * g.OutW * g.O, seed + 3);
        float scale = MathF.Sqrt(3f / (g.R * g.S * g.GroupC)); // outputs of about the size of the inputs
        foreach (ref float v in _w.Values)
            v *= scale;
        _result = new GuardedBlock(Math.Max(Math.Max(_x.Values.Length, _w.Values.Length), _dy.Values.Length));
    }

    /// <summary>The vector widths that this processor has.</summary>
    public static IEnumerable<int> Widths => LaneWidth.All.Where(b => b <= LaneWidth.Widest);

    /// <summary>Compares the output and both gradients on each vector width with the reference, which is computed once for all; <paramref name="at"/> does something on one width.</summary>
    public void Check(float beta, Action<int, Action> at)
    {
        Compare("output", kernels => Forward(kernels, hasBias: true), at);
        Compare("output without bias", kernels => Forward(kernels, hasBias: false), at);
        foreach (float b in new[] { beta, 0.5f }.Take(_g.H % 4 == 0 ? 2 : 1)) // a beta between serves nobody but the contract
        {
            Compare($"gradient of x, beta {b}", kernels => BackwardInput(kernels, b), at);
            Compare($"gradient of w, beta {b}", kernels => BackwardWeight(kernels, b, _x.Pointer, _dy.Pointer, _g), at);
        }
        foreach (GuardedBlock block in new[] { _x, _w, _b, _dy })
            block.AssertGuardsUntouched();
    }

    private void Compare(string what, Func<Conv2DKernels, float[]> run, Action<int, Action> at)
    {
        float[] expected = run(KernelSet.Reference.Conv2D);
        foreach (int bits in Widths)
            at(bits, () => Near($"{what} at {bits} bits", expected, run(KernelSet.Cpu.Conv2D)));
    }

    /// <summary>Output and gradients.</summary>
    public float[][] All() => [Forward(KernelSet.Cpu.Conv2D, hasBias: true), BackwardInput(KernelSet.Cpu.Conv2D, 1), BackwardWeight(1)];

    /// <summary>The same without reading them.</summary>
    public void RunAll()
    {
        var result = new DevicePtr<float>((nint)_result.Pointer);
        KernelSet.Cpu.Conv2D.Forward(_g, Address(_x), Address(_w), Address(_b), result);
        KernelSet.Cpu.Conv2D.BackwardInput(_g, Address(_dy), Address(_w), result, 0);
        KernelSet.Cpu.Conv2D.BackwardWeight(_g, Address(_x), Address(_dy), result, 0);
    }

    public float[] BackwardWeight(float beta) => BackwardWeight(KernelSet.Cpu.Conv2D, beta, _x.Pointer, _dy.Pointer, _g);

    public float[] BackwardWeightOfImage(int image) => BackwardWeight(
        KernelSet.Cpu.Conv2D, 0, _x.Pointer + image * _g.H * _g.W * _g.C, _dy.Pointer + image * _g.OutH * _g.OutW * _g.O, _g with { N = 1 });

    public void Dispose()
    {
        foreach (GuardedBlock block in new[] { _x, _w, _b, _dy, _result })
            block.Dispose();
    }

    private float[] Forward(Conv2DKernels kernels, bool hasBias) => Into(_dy.Values.Length, 0, y => kernels.Forward(_g, Address(_x), Address(_w), hasBias ? Address(_b) : default, y));

    private float[] BackwardInput(Conv2DKernels kernels, float beta) => Into(_x.Values.Length, beta, dx => kernels.BackwardInput(_g, Address(_dy), Address(_w), dx, beta));

    private float[] BackwardWeight(Conv2DKernels kernels, float beta, float* x, float* dy, Conv2DGeometry g) =>
        Into(_w.Values.Length, beta, dw => kernels.BackwardWeight(g, new DevicePtr<float>((nint)x), new DevicePtr<float>((nint)dy), dw, beta));

    /// <summary>What a kernel makes of NaN, or of known numbers where it adds.</summary>
    private static float[] Into(int count, float beta, Action<DevicePtr<float>> run)
    {
        using GuardedBlock block = GuardedBlock.Random(count, 77);
        if (beta == 0)
            block.Values.Fill(float.NaN);
        run(Address(block));
        block.AssertGuardsUntouched();
        return [.. block.Values];
    }

    private void Near(string what, float[] expected, float[] actual)
    {
        double largest = Math.Max(1, expected.Max(Math.Abs));
        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs((double)expected[i] - actual[i]) <= Tolerance * largest)) // a NaN fails too
                Assert.Fail($"{_g}: {what} [{i}] is {actual[i]}, the reference has {expected[i]}; the largest is {largest}.");
        }
    }

    private static DevicePtr<float> Address(GuardedBlock block) => new((nint)block.Pointer);
}
