namespace Graft.Kernels;

/// <summary>Sizes of a convolution: x [N,H,W,C], w [O,R,S,C/Groups], b [O], y [N,OutH,OutW,O].</summary>
public readonly record struct Conv2DGeometry(
    int N, int H, int W, int C, int O, int R, int S, int StrideH, int StrideW, int DilationH, int DilationW, Padding2D Padding, int Groups)
{
    /// <summary>Output height: floor((H + padding - dilated filter) / stride) + 1; below 1 the filter does not fit.</summary>
    public int OutH => Extent(H + Padding.Top + Padding.Bottom, R, StrideH, DilationH);

    /// <summary>Output width.</summary>
    public int OutW => Extent(W + Padding.Left + Padding.Right, S, StrideW, DilationW);

    /// <summary>Input channels that one output channel sees.</summary>
    public int GroupC => C / Groups;

    /// <summary>Output channels of one group.</summary>
    public int GroupO => O / Groups;

    /// <summary>Multiplications and additions of one forward run, those on padding included.</summary>
    public long Flops => 2L * N * OutH * OutW * O * R * S * GroupC;

    /// <summary>True where each output pixel is one input pixel's channels times the weight.</summary>
    public bool IsPointwise => R == 1 && S == 1 && StrideH == 1 && StrideW == 1 && Padding == Padding2D.None && Groups == 1;

    /// <summary>Output extent of a sliding window over a padded axis; 0 or less where the window does not fit.</summary>
    public static int Extent(int padded, int filter, int stride, int dilation)
    {
        int room = padded - (filter - 1) * dilation - 1;
        return room < 0 ? 0 : room / stride + 1;
    }
}
