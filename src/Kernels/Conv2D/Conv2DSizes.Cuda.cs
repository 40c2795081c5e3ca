namespace Graft.Kernels;

/// <summary>Sizes of a convolution as a kernel takes them: laid out as Convolution of Conv2D.cu.</summary>
internal readonly record struct Conv2DSizes(
    int N, int H, int W, int C, int O, int R, int S, int StrideH, int StrideW, int DilationH, int DilationW, int Top, int Left, int Groups, int OutH, int OutW)
{
    /// <summary>Output pixels of the batch.</summary>
    public long Pixels => (long)N * OutH * OutW;

    /// <summary>Input channels of a group.</summary>
    public int GroupC => C / Groups;

    /// <summary>Output channels of a group.</summary>
    public int GroupO => O / Groups;

    /// <summary>Weights of an output channel.</summary>
    public long Depth => (long)R * S * GroupC;

    public static Conv2DSizes Of(in Conv2DGeometry g) => new(
        g.N, g.H, g.W, g.C, g.O, g.R, g.S, g.StrideH, g.StrideW, g.DilationH, g.DilationW, g.Padding.Top, g.Padding.Left, g.Groups, g.OutH, g.OutW);
}
