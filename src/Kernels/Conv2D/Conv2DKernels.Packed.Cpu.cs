using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>
/// Convolutions of a training step by the kernels of frozen ones (<see cref="CpuFusedConv2DKernels"/>): the weights, which move at every step,
/// are packed for the call.
/// </summary>
internal sealed unsafe partial class CpuConv2DKernels
{
    /// <summary>Fewer output pixels than this do not repay packing the weights.</summary>
    private const long FewestPackedPixels = 32;

    private static readonly CpuFusedConv2DKernels[] Fused = [.. GemmTile.All.Select(t => new CpuFusedConv2DKernels(t))];

    /// <summary>y = x * w + b where an algorithm of the frozen kernels is fast; false leaves y alone.</summary>
    private static bool TryForward(in Conv2DGeometry g, float* x, float* w, float* b, float* y)
    {
        if (g.Groups != 1 || (long)g.N * g.OutH * g.OutW < FewestPackedPixels || IsThin(g))
            return false;
        var geometry = FusedConv2DGeometry.From(g);
        ConvAlgorithm algorithm = Fused[GemmTile.Current.Id].Choose(geometry);
        if (algorithm is ConvAlgorithm.General or ConvAlgorithm.Direct)
            return false;
        Run(geometry, algorithm, new Conv2DPacking(w, g.R * g.S, g.C, g.O, isTurned: false), x, b, null, y);
        return true;
    }

    /// <summary>
    /// dx = beta dx + the gradient, where that is a convolution of dy whose algorithm is fast; false leaves dx alone.
    /// </summary>
    /// <remarks>
    /// For stride 1 the gradient is the convolution of dy with the weights turned by half a turn and with their channels exchanged, padded by
    /// what the filter is larger than the padding. For 1x1 filters of any stride it is a product that is written to every stride-th pixel; the others have
    /// no gradient.
    /// </remarks>
    private static bool TryBackwardInput(in Conv2DGeometry g, float* dy, float* w, float* dx, float beta)
    {
        if (g.Groups != 1 || beta is not (0 or 1) || (long)g.N * g.OutH * g.OutW < FewestPackedPixels || (beta == 0 && IsThin(g)))
            return false;
        bool isPoint = g is { R: 1, S: 1 } && g.Padding == Padding2D.None;
        if (!isPoint && g is not { R: 3, S: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, Padding: { Top: <= 2, Bottom: <= 2, Left: <= 2, Right: <= 2 } })
            return false;
        Padding2D padding = isPoint ? Padding2D.None : new(2 - g.Padding.Top, 2 - g.Padding.Bottom, 2 - g.Padding.Left, 2 - g.Padding.Right);
        var geometry = new FusedConv2DGeometry(g.N, g.OutH, g.OutW, g.O, g.C, g.R, g.S, 1, 1, 1, 1, padding);
        bool hasGaps = isPoint && (g.StrideH > 1 || g.StrideW > 1);
        if (hasGaps)
        {
            var every = new ImageLayout((long)g.H * g.W * g.C, (long)g.StrideH * g.W * g.C, g.StrideW * g.C);
            geometry = geometry with { Output = every, Residual = every };
        }
        ConvAlgorithm algorithm = Fused[GemmTile.Current.Id].Choose(geometry);
        if (algorithm is ConvAlgorithm.General or ConvAlgorithm.Direct or ConvAlgorithm.Stem)
            return false;
        if (hasGaps && beta == 0)
            RowBlocks.For((long)g.N * g.H, (long)g.W * g.C, new ZeroRow { X = dx, Count = g.W * g.C });
        Run(geometry, algorithm, new Conv2DPacking(w, g.R * g.S, g.C, g.O, isTurned: true), dy, null, beta == 0 ? null : dx, dx);
        return true;
    }

    /// <summary>dw = beta dw + the gradient by Winograd's algorithm where that is the fastest; false leaves dw alone.</summary>
    private static bool TryWinogradGradient(in Conv2DGeometry g, float* x, float* dy, float* dw, float beta)
    {
        if (!Conv2DWinogradGradient.Supports(g))
            return false;
        GemmTile tile = GemmTile.Current;
        var geometry = FusedConv2DGeometry.From(g);
        int best = 0;
        double least = FusedConv2DProduct.Cost(geometry, tile);
        for (int m = 2; m <= 4; m++)
        {
            double cost = FusedConv2DWinograd.Cost(geometry, m, tile);
            if (cost < least)
                (best, least) = (m, cost);
        }
        if (best == 0)
            return false;
        new Conv2DWinogradGradient(g, best, tile, x, dy, dw, beta).Run();
        return true;
    }

    /// <summary>dw = beta dw + the gradient, row by row, where that is fast; false leaves dw alone.</summary>
    private static bool TryRowGradient(in Conv2DGeometry g, float* x, float* dy, float* dw, float beta)
    {
        if (!Conv2DRowGradient.Supports(g, GemmTile.Current))
            return false;
        Conv2DRowGradient.Run(g, GemmTile.Current, x, dy, dw, beta);
        return true;
    }

    private static void Run(in FusedConv2DGeometry g, ConvAlgorithm algorithm, Conv2DPacking weights, float* x, float* b, float* residual, float* y)
    {
        GemmTile tile = GemmTile.Current;
        CpuFusedConv2DKernels kernels = Fused[tile.Id];
        float* packed = Scratch.Rent(ScratchSlot.Weights, kernels.PackedSize(g, algorithm));
        if (CpuFusedConv2DKernels.OutputsOfTile(algorithm) is int m and > 0)
            weights.PackWinograd(tile, m, packed);
        else
            weights.PackPanels(tile, packed);
        kernels.Run(g, algorithm, Pointer(x), Pointer(packed), Pointer(b), Pointer(residual), Pointer(y));
    }

    /// <summary>Products of pixels and few weights, whose rows a power of two apart the frozen kernels meet in few cache sets: <see cref="Gemm"/> is faster.</summary>
    private static bool IsThin(in Conv2DGeometry g) => g.IsPointwise && (long)GemmTile.Current.PaddedN(g.C) * GemmTile.Current.PaddedN(g.O) <= 1 << 16;

    private struct ZeroRow : IRowWork
    {
        public float* X;
        public int Count;

        public readonly void Row(long row) => new Span<float>(X + row * Count, Count).Clear();
    }

    private static DevicePtr<float> Pointer(float* address) => new((nint)address);
}
