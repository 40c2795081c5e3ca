using Graft.Kernels;
using Graft.Kernels.Cpu;
using Graft.Tests.Kernels.Cpu;

namespace Graft.Tests.Kernels.FusedConv2D;

/// <summary>
/// One convolution on guarded memory: the input lies in a border of zeros and all that is not its to read is NaN, so that a stray read
/// shows in the result and a stray write in the guards or in the output's own border.
/// </summary>
internal sealed unsafe class FusedConv2DRun : IDisposable
{
    private const float Untouched = 12345.5f;

    private readonly FusedConv2DGeometry _g;
    private readonly GuardedBlock _x, _w, _b, _residual, _y, _expected;
    private readonly long _inputOffset, _outputOffset, _residualOffset;
    private readonly bool _hasBias, _hasResidual;

    public FusedConv2DRun(in FusedConv2DGeometry g, bool bias, bool residual, int seed, int outputBorder = 0, int residualBorder = 0)
    {
        (_g, _hasBias, _hasResidual) = (g, bias, residual);
        _inputOffset = g.Input.BorderOffset(g.InputBorder);
        _outputOffset = g.Output.BorderOffset(outputBorder);
        _residualOffset = g.Residual.BorderOffset(residualBorder);
        _x = new GuardedBlock(checked((int)(g.N * g.Input.ImageStride)));
        FillInput(new Random(seed));
        _w = GuardedBlock.Random(g.O * g.R * g.S * g.C, seed + 1);
        float scale = MathF.Sqrt(3f / (g.R * g.S * g.C)); // outputs of about the size of the inputs
        foreach (ref float v in _w.Values)
            v *= scale;
        _b = GuardedBlock.Random(g.O, seed + 2);
        _residual = GuardedBlock.Random(Math.Max(1, checked((int)(g.N * g.Residual.ImageStride))), seed + 3);
        int size = Math.Max(1, checked((int)(g.N * g.Output.ImageStride)));
        (_y, _expected) = (new GuardedBlock(size), new GuardedBlock(size));
        _expected.Values.Fill(Untouched);
        Run(KernelSet.Reference.FusedConv2D, ConvAlgorithm.General, _expected);
    }

    /// <summary>Runs the algorithm and compares; <paramref name="tolerance"/> is absolute, on numbers of about 1.</summary>
    public void Check(FusedConv2DKernels kernels, ConvAlgorithm algorithm, float tolerance, int tile)
    {
        _y.Values.Fill(Untouched);
        Run(kernels, algorithm, _y);
        foreach (GuardedBlock block in new[] { _x, _w, _b, _residual, _y })
            block.AssertGuardsUntouched();
        for (int i = 0; i < _y.Values.Length; i++)
        {
            float expected = _expected.Values[i], actual = _y.Values[i];
            if (!(Math.Abs(expected - actual) <= tolerance)) // a NaN fails too
                Assert.Fail($"{algorithm}, tile {tile}, {_g}, bias {_hasBias}, residual {_hasResidual}: element {i} is {actual}, the reference has {expected}.");
        }
    }

    /// <summary>The output's bits, for comparisons between runs.</summary>
    public float[] Output(FusedConv2DKernels kernels, ConvAlgorithm algorithm)
    {
        _y.Values.Fill(Untouched);
        Run(kernels, algorithm, _y);
        return [.. _y.Values];
    }

    /// <summary>y written over the residual, in its layout.</summary>
    public float[] OutputInPlaceOfResidual(FusedConv2DKernels kernels, ConvAlgorithm algorithm)
    {
        _residual.Values.CopyTo(_y.Values);
        using GuardedBlock packed = Pack(kernels, algorithm);
        var y = new DevicePtr<float>((nint)(_y.Pointer + _outputOffset));
        kernels.Run(_g, algorithm, Address(_x, _inputOffset), Address(packed, 0), Address(_b, 0), y, y);
        return [.. _y.Values];
    }

    /// <summary>Bytes of managed memory that ten runs take once the first has been done.</summary>
    public long AllocatedBytes(FusedConv2DKernels kernels, ConvAlgorithm algorithm)
    {
        using GuardedBlock packed = Pack(kernels, algorithm);
        RunPacked(kernels, algorithm, packed, _y);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
            RunPacked(kernels, algorithm, packed, _y);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>Sets one number of a dense residual, for the runs that follow.</summary>
    public void SetResidual(int index, float value) => _residual.Values[index] = value;

    public void Dispose()
    {
        foreach (GuardedBlock block in new[] { _x, _w, _b, _residual, _y, _expected })
            block.Dispose();
    }

    private void FillInput(Random random)
    {
        _x.Values.Fill(float.NaN);
        int border = _g.InputBorder;
        for (int n = 0; n < _g.N; n++)
        {
            for (int h = -border; h < _g.H + border; h++)
            {
                for (int v = -border; v < _g.W + border; v++)
                {
                    bool inside = h >= 0 && h < _g.H && v >= 0 && v < _g.W;
                    for (int c = 0; c < _g.C; c++)
                        _x.Values[(int)(_inputOffset + _g.Input.At(n, h, v) + c)] = inside ? random.NextSingle() * 2 - 1 : 0;
                }
            }
        }
    }

    private void Run(FusedConv2DKernels kernels, ConvAlgorithm algorithm, GuardedBlock y)
    {
        using GuardedBlock packed = Pack(kernels, algorithm);
        RunPacked(kernels, algorithm, packed, y);
        packed.AssertGuardsUntouched();
    }

    private GuardedBlock Pack(FusedConv2DKernels kernels, ConvAlgorithm algorithm)
    {
        var packed = new GuardedBlock(checked((int)kernels.PackedSize(_g, algorithm)));
        kernels.Pack(_g, algorithm, Address(_w, 0), Address(packed, 0));
        return packed;
    }

    private void RunPacked(FusedConv2DKernels kernels, ConvAlgorithm algorithm, GuardedBlock packed, GuardedBlock y) => kernels.Run(
        _g, algorithm, Address(_x, _inputOffset), Address(packed, 0), _hasBias ? Address(_b, 0) : default,
        _hasResidual ? Address(_residual, _residualOffset) : default, Address(y, _outputOffset));

    private static DevicePtr<float> Address(GuardedBlock block, long offset) => new((nint)(block.Pointer + offset));

    /// <summary>The kernels of every vector width that this processor runs.</summary>
    public static FusedConv2DKernels Kernels(int tile) => new CpuFusedConv2DKernels(GemmTile.All[tile]);
}
