using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Own kernels, made for the few rows of decoding: those of FewRows.cuh where weights are read 16 bytes at a time, and for sizes that are not made for that a warp owns an output.</summary>
internal sealed class CudaNarrowDenseKernels(CudaContext context, UnaryKernels unary) : NarrowDenseKernels
{
    private const int Warp = 32, Warps = 8, Rows = 4; // as in NarrowDense.cu
    private const int MostBlocks = 65536;
    private const int ManyOutputs = 16384; // from here on a warp owns four
    private const int Vector = 4, Halves = 8; // inputs must be multiples
    private const int FactorAlignment = 16; // bytes, of what lies behind the factors
    private const string File = "NarrowDense.cu";

    private readonly KernelFunction _packHalves = new(context, File, "pack_halves"), _packBytes = new(context, File, "pack_bytes"),
        _halves = new(context, File, "dense_halves"), _bytes = new(context, File, "dense_bytes");

    private volatile bool _hasPacked; // since the last product: chained kernels read weights before the work ahead of them is done

    private readonly KernelFunction[] _halfRows = Kernels(context, "half"), _byteRows = Kernels(context, "byte");

    /// <inheritdoc/>
    /// <remarks>BFloat16: [O][pairs of inputs]. Int8: the factors [O][blocks] as float32, then, at the next 16 bytes, [O][blocks][128].</remarks>
    public override long PackedBytes(int k, int o, WeightPrecision precision) =>
        IsInt8(precision) ? FactorBytes(k, o) + FactorCount(k, o) * NarrowDenseGeometry.Block : (long)o * Pairs(k) * sizeof(uint);

    public override void Pack(int k, int o, WeightPrecision precision, bool transposed, DevicePtr<float> w, DevicePtr<byte> packed)
    {
        (long inputStride, long outputStride) = transposed ? (1L, (long)k) : (o, 1L);
        long factors = FactorCount(k, o);
        _hasPacked = true;
        if (IsInt8(precision))
            _packBytes.Launch(Math.Min((factors + Warps - 1) / Warps, MostBlocks), Warps * Warp, w, packed.Address, packed.At(FactorBytes(k, o)).Address, factors, k, inputStride, outputStride, Blocks(k));
        else
            _packHalves.Over((long)o * Pairs(k), w, packed.Address, (long)o * Pairs(k), k, inputStride, outputStride);
    }

    public override void Run(in NarrowDenseGeometry g, DevicePtr<float> x, DevicePtr<byte> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        if (TryRun(g, default, x, packed, b, residual, y))
            return;
        int blocksX = (g.O + Warps - 1) / Warps, blocksY = (g.M + Rows - 1) / Rows;
        if (IsInt8(g.Precision))
            _bytes.Launch(blocksX, blocksY, Warps * Warp, 1, x, packed.Address, packed.At(FactorBytes(g.K, g.O)).Address, b, residual, y, g.M, g.K, g.O, g.Blocks);
        else
            _halves.Launch(blocksX, blocksY, Warps * Warp, 1, x, packed.Address, b, residual, y, g.M, g.K, g.O);
        if (g.Activation is { } formula)
            unary.Forward(new UnaryGeometry((long)g.M * g.O, formula), y, y);
    }

    public override bool RunNormed(
        in NarrowDenseGeometry g, in RowNorm norm, DevicePtr<float> x, DevicePtr<byte> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y) =>
        TryRun(g, norm, x, packed, b, residual, y);

    private bool TryRun(in NarrowDenseGeometry g, in RowNorm norm, DevicePtr<float> x, DevicePtr<byte> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        bool isNormed = !norm.Scale.IsNull, isInt8 = IsInt8(g.Precision), isMany = g.M == 1 && g.O >= ManyOutputs;
        int roundedBytes = isInt8 ? g.Blocks * (NarrowDenseGeometry.Block + sizeof(float)) : 0;
        if (g.K % (isInt8 ? Vector : Halves) != 0 || !FewRowsLaunch.IsAligned(x.Address, packed.Address, norm.Scale.Address, norm.Shift.Address)
            || FewRowsLaunch.Of(context, g.M, g.K, g.O, FewRowsLaunch.FewOutputs * (isMany ? 2 : 1), roundedBytes, isNormed) is not { } launch)
            return false;
        int kernel = isMany ? (isNormed ? 5 : 4) : FewRowsLaunch.Kernel(g.M, isNormed), formula = FewRowsLaunch.Fused(g.Activation);
        if (isInt8)
        {
            _byteRows[kernel].LaunchChained(launch.Blocks, 1, FewRowsLaunch.Threads, launch.SharedBytes, !_hasPacked, packed.Address, packed.At(FactorBytes(g.K, g.O)).Address, g.Blocks,
                x, norm.Scale, norm.Shift, norm.Epsilon, b, residual, y, g.M, g.K, g.O, formula, launch.Parts, launch.Group);
        }
        else
        {
            _halfRows[kernel].LaunchChained(launch.Blocks, 1, FewRowsLaunch.Threads, launch.SharedBytes, !_hasPacked, packed.Address,
                x, norm.Scale, norm.Shift, norm.Epsilon, b, residual, y, g.M, g.K, g.O, formula, launch.Parts, launch.Group);
        }
        _hasPacked = false;
        if (formula < 0 && g.Activation is { } other)
            unary.Forward(new UnaryGeometry((long)g.M * g.O, other), y, y);
        return true;
    }

    private static KernelFunction[] Kernels(CudaContext context, string word) =>
        Array.ConvertAll(["row", "row_normed", "rows", "rows_normed", "row_many", "row_many_normed"], name => new KernelFunction(context, File, $"{word}_{name}") { SharedBytes = FewRowsLaunch.MostShared });

    private static bool IsInt8(WeightPrecision precision) => precision switch
    {
        WeightPrecision.Int8 => true,
        WeightPrecision.BFloat16 => false,
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "Narrow weights are BFloat16 or Int8; Float32 is FrozenDense."),
    };

    private static int Pairs(int k) => (k + 1) / 2;

    private static int Blocks(int k) => (k + NarrowDenseGeometry.Block - 1) / NarrowDenseGeometry.Block;

    private static long FactorCount(int k, int o) => (long)o * Blocks(k);

    private static long FactorBytes(int k, int o) => (FactorCount(k, o) * sizeof(float) + FactorAlignment - 1) / FactorAlignment * FactorAlignment;
}
