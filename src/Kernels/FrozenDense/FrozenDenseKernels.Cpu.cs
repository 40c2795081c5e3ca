using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Many rows are a 1x1 convolution on one line of M pixels: the same blocks, the same register tiles (<see cref="FusedConv2DProduct"/>). A few
/// are <see cref="FrozenDenseRows"/>.
/// </summary>
internal sealed unsafe class CpuFrozenDenseKernels(GemmTile tile) : FrozenDenseKernels
{
    private readonly CpuUnaryKernels _unary = new();

    public override long PackedSize(int k, int o) => (long)k * tile.PaddedN(o);

    public override void Pack(int k, int o, DevicePtr<float> w, DevicePtr<float> packed)
    {
        var body = new Packing { K = k, O = o, Columns = tile.Columns, W = w.Pointer, Packed = packed.Pointer };
        WorkerPool.For(tile.PaddedN(o) / tile.Columns, ref body);
    }

    public override void Run(
        in FrozenDenseGeometry g, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        if (g.M <= 0 || g.O <= 0)
            return;
        var line = new FusedConv2DGeometry(1, 1, g.M, g.K, g.O, 1, 1, 1, 1, 1, 1, Padding2D.None)
        {
            Activation = g.Activation?.Fused() ?? FusedActivation.None,
        };
        var product = new FusedConv2DProduct(line, ConvAlgorithm.Pointwise, tile, x.Pointer, packed.Pointer, b.Pointer, residual.Pointer, y.Pointer);
        if (g.M <= FrozenDenseRows.Most)
            FrozenDenseRows.Run(g, tile.Columns, x.Pointer, packed.Pointer, b.Pointer, residual.Pointer, product.SumsFromResidual, y.Pointer);
        else
            product.Run();
        if (g.Activation is { } formula && line.Activation == FusedActivation.None)
            _unary.Forward(new UnaryGeometry((long)g.M * g.O, formula), y, y);
    }

    /// <summary>One panel [K][columns] a chunk, zeros where there are no outputs.</summary>
    private struct Packing : IChunkBody
    {
        public int K, O, Columns;
        public float* W, Packed;

        public readonly void Run(int chunk)
        {
            int first = chunk * Columns, width = Math.Min(Columns, O - first);
            float* panel = Packed + (long)first * K;
            GemmPacking.Copy(W + first, O, K, width, panel, Columns);
            if (width < Columns)
                GemmPacking.ClearColumns(panel, Columns, K, width);
        }
    }
}
