namespace Graft.Kernels;

/// <summary>Sizes of zero padding: x [N,H,W,C], y [N,OutH,OutW,C].</summary>
public readonly record struct Pad2DGeometry(int N, int H, int W, int C, Padding2D Padding)
{
    /// <summary>Output height.</summary>
    public int OutH => H + Padding.Top + Padding.Bottom;

    /// <summary>Output width.</summary>
    public int OutW => W + Padding.Left + Padding.Right;
}
