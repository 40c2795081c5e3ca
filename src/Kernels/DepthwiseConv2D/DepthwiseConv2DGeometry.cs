namespace Graft.Kernels;

/// <summary>Sizes of a depthwise convolution: x [N,H,W,C], w [R,S,C,M], b [C*M], y [N,OutH,OutW,C*M].</summary>
public readonly record struct DepthwiseConv2DGeometry(
    int N, int H, int W, int C, int R, int S, int M, int StrideH, int StrideW, int DilationH, int DilationW, Padding2D Padding)
{
    /// <summary>Output height.</summary>
    public int OutH => Conv2DGeometry.Extent(H + Padding.Top + Padding.Bottom, R, StrideH, DilationH);

    /// <summary>Output width.</summary>
    public int OutW => Conv2DGeometry.Extent(W + Padding.Left + Padding.Right, S, StrideW, DilationW);

    /// <summary>Output channels.</summary>
    public int O => C * M;

    /// <summary>Multiplications and additions of one forward run, those on padding included.</summary>
    public long Flops => 2L * N * OutH * OutW * O * R * S;
}
