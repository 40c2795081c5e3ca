using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Direct, pointwise, stem and general convolution are matrix products over blocks of output pixels (<see cref="FusedConv2DProduct"/>)
/// and share one order of weights; Winograd's are <see cref="FusedConv2DWinograd"/>.
/// </summary>
internal sealed unsafe partial class CpuFusedConv2DKernels(GemmTile tile) : FusedConv2DKernels
{
    private const int MostStemChannels = 8;

    public override bool Supports(ConvAlgorithm algorithm, in FusedConv2DGeometry g) => algorithm switch
    {
        not (ConvAlgorithm.WinogradF2 or ConvAlgorithm.WinogradF4) when g.MaxPool => false, // pooled windows must lie within a block's tile
        ConvAlgorithm.General => true,
        ConvAlgorithm.Direct => g.BorderCoversPadding,
        ConvAlgorithm.Pointwise => g.R == 1 && g.S == 1 && g.Padding == Padding2D.None,
        ConvAlgorithm.Stem => g.BorderCoversPadding && g.C <= MostStemChannels && g.DilationW == 1 && g.Input.PixelStride == g.C,
        _ => g is { R: 3, S: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1 }
            && g.C % WinogradTransforms.ChannelMultiple == 0 && g.O % WinogradTransforms.ChannelMultiple == 0,
    };

    public override ConvAlgorithm Choose(in FusedConv2DGeometry g)
    {
        if (Supports(ConvAlgorithm.Pointwise, g))
            return ConvAlgorithm.Pointwise;
        if (Supports(ConvAlgorithm.Stem, g))
            return ConvAlgorithm.Stem;
        ConvAlgorithm best = Supports(ConvAlgorithm.Direct, g) ? ConvAlgorithm.Direct : ConvAlgorithm.General;
        double least = FusedConv2DProduct.Cost(g, tile);
        for (ConvAlgorithm algorithm = ConvAlgorithm.WinogradF2; algorithm <= ConvAlgorithm.WinogradF4; algorithm++)
        {
            if (!Supports(algorithm, g))
                break;
            double cost = FusedConv2DWinograd.Cost(g, OutputsOfTile(algorithm), tile);
            if (cost < least)
                (best, least) = (algorithm, cost);
        }
        return best;
    }

    public override long PackedSize(in FusedConv2DGeometry g, ConvAlgorithm algorithm) =>
        OutputsOfTile(algorithm) is int m and > 0 ? FusedConv2DWinograd.PackedSize(g, m, tile) : (long)tile.PaddedN(g.O) * g.R * g.S * g.C;

    public override void Pack(in FusedConv2DGeometry g, ConvAlgorithm algorithm, DevicePtr<float> w, DevicePtr<float> packed)
    {
        Check(algorithm, g);
        if (OutputsOfTile(algorithm) is int m and > 0)
        {
            FusedConv2DWinograd.Pack(g, m, tile, w.Pointer, packed.Pointer);
            return;
        }
        int k = g.R * g.S * g.C;
        for (int o = 0; o < g.O; o += tile.Columns)
            PackPanel(Math.Min(tile.Columns, g.O - o), k, w.Pointer + (long)o * k, k, packed.Pointer + (long)o * k);
    }

    public override void Run(
        in FusedConv2DGeometry g, ConvAlgorithm algorithm, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y)
    {
        Check(algorithm, g);
        if (g.N <= 0 || g.OutH <= 0 || g.OutW <= 0 || g.O <= 0)
            return;
        if (OutputsOfTile(algorithm) is int m and > 0)
            new FusedConv2DWinograd(g, m, tile, x.Pointer, packed.Pointer, b.Pointer, residual.Pointer, y.Pointer).Run();
        else
            new FusedConv2DProduct(g, algorithm, tile, x.Pointer, packed.Pointer, b.Pointer, residual.Pointer, y.Pointer).Run();
    }

    /// <summary>m of Winograd's F(m x m); 0 for the others.</summary>
    public static int OutputsOfTile(ConvAlgorithm algorithm) => algorithm switch
    {
        ConvAlgorithm.WinogradF2 => 2,
        ConvAlgorithm.WinogradF3 => 3,
        ConvAlgorithm.WinogradF4 => 4,
        _ => 0,
    };

    /// <summary>A panel [k][tile columns] of <paramref name="width"/> rows of w, zeros where there are fewer than the tile has columns.</summary>
    private void PackPanel(int width, int k, float* w, int stride, float* panel)
    {
        GemmPacking.Transpose(w, stride, width, k, panel, tile.Columns);
        if (width < tile.Columns)
            GemmPacking.ClearColumns(panel, tile.Columns, k, width);
    }

    private void Check(ConvAlgorithm algorithm, in FusedConv2DGeometry g)
    {
        if (!Supports(algorithm, g))
            throw new NotSupportedException($"FusedConv2D: {algorithm} does not take {g}. Ask Supports first; {ConvAlgorithm.General} takes every geometry without max pooling.");
    }
}
