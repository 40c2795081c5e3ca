using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Own kernels, made for the few rows of decoding: a warp owns an output.</summary>
internal sealed class CudaNarrowDenseKernels(CudaContext context, UnaryKernels unary) : NarrowDenseKernels
{
    private const int Warp = 32, Warps = 8, Rows = 4; // as in NarrowDense.cu
    private const int MostBlocks = 65536;
    private const string File = "NarrowDense.cu";

    private readonly KernelFunction _packHalves = new(context, File, "pack_halves"), _packBytes = new(context, File, "pack_bytes"),
        _halves = new(context, File, "dense_halves"), _bytes = new(context, File, "dense_bytes");

    /// <inheritdoc/>
    /// <remarks>BFloat16: [O][pairs of inputs]. Int8: the factors [O][blocks] as float32, then [O][blocks][128].</remarks>
    public override long PackedBytes(int k, int o, WeightPrecision precision) =>
        IsInt8(precision) ? FactorCount(k, o) * (sizeof(float) + NarrowDenseGeometry.Block) : (long)o * Pairs(k) * sizeof(uint);

    public override void Pack(int k, int o, WeightPrecision precision, bool transposed, DevicePtr<float> w, DevicePtr<byte> packed)
    {
        (long inputStride, long outputStride) = transposed ? (1L, (long)k) : (o, 1L);
        long factors = FactorCount(k, o);
        if (IsInt8(precision))
            _packBytes.Launch(Math.Min((factors + Warps - 1) / Warps, MostBlocks), Warps * Warp, w, packed.Address, packed.At(factors * sizeof(float)).Address, factors, k, inputStride, outputStride, Blocks(k));
        else
            _packHalves.Over((long)o * Pairs(k), w, packed.Address, (long)o * Pairs(k), k, inputStride, outputStride);
    }

    public override void Run(in NarrowDenseGeometry g, DevicePtr<float> x, DevicePtr<byte> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        int blocksX = (g.O + Warps - 1) / Warps, blocksY = (g.M + Rows - 1) / Rows;
        if (IsInt8(g.Precision))
            _bytes.Launch(blocksX, blocksY, Warps * Warp, 1, x, packed.Address, packed.At(FactorCount(g.K, g.O) * sizeof(float)).Address, b, residual, y, g.M, g.K, g.O, g.Blocks);
        else
            _halves.Launch(blocksX, blocksY, Warps * Warp, 1, x, packed.Address, b, residual, y, g.M, g.K, g.O);
        if (g.Activation is { } formula)
            unary.Forward(new UnaryGeometry((long)g.M * g.O, formula), y, y);
    }

    private static bool IsInt8(WeightPrecision precision) => precision switch
    {
        WeightPrecision.Int8 => true,
        WeightPrecision.BFloat16 => false,
        _ => throw new ArgumentOutOfRangeException(nameof(precision), precision, "Narrow weights are BFloat16 or Int8; Float32 is FrozenDense."),
    };

    private static int Pairs(int k) => (k + 1) / 2;

    private static int Blocks(int k) => (k + NarrowDenseGeometry.Block - 1) / NarrowDenseGeometry.Block;

    private static long FactorCount(int k, int o) => (long)o * Blocks(k);
}
