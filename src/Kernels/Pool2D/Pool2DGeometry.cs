namespace Graft.Kernels;

/// <summary>Sizes of a pooling: x [N,H,W,C], y [N,OutH,OutW,C].</summary>
/// <param name="N">Images.</param>
/// <param name="H">Input height.</param>
/// <param name="W">Input width.</param>
/// <param name="C">Channels.</param>
/// <param name="R">Window height.</param>
/// <param name="S">Window width.</param>
/// <param name="StrideH">Rows between windows.</param>
/// <param name="StrideW">Columns between windows.</param>
/// <param name="Padding">Rows and columns around the image; each is smaller than the window.</param>
/// <param name="CountPadding">For the average: true divides by R S always, false by the pixels inside the image.</param>
public readonly record struct Pool2DGeometry(
    int N, int H, int W, int C, int R, int S, int StrideH, int StrideW, Padding2D Padding, bool CountPadding)
{
    /// <summary>Output height.</summary>
    public int OutH => Conv2DGeometry.Extent(H + Padding.Top + Padding.Bottom, R, StrideH, 1);

    /// <summary>Output width.</summary>
    public int OutW => Conv2DGeometry.Extent(W + Padding.Left + Padding.Right, S, StrideW, 1);

    /// <summary>Comparisons or additions of one forward run.</summary>
    public long Flops => (long)N * OutH * OutW * C * R * S;

    /// <summary>Rows of the image that window row <paramref name="p"/> covers: first, and one past the last.</summary>
    public (int From, int To) Rows(int p) => (Math.Max(0, p * StrideH - Padding.Top), Math.Min(H, p * StrideH - Padding.Top + R));

    /// <summary>Columns of the image that window column <paramref name="q"/> covers: first, and one past the last.</summary>
    public (int From, int To) Columns(int q) => (Math.Max(0, q * StrideW - Padding.Left), Math.Min(W, q * StrideW - Padding.Left + S));

    /// <summary>What window (p,q) of an average is divided by.</summary>
    public int Divisor(int p, int q)
    {
        (int top, int bottom) = Rows(p);
        (int left, int right) = Columns(q);
        return CountPadding ? R * S : (bottom - top) * (right - left);
    }

    /// <summary>Window rows that cover row <paramref name="h"/>: first, and one past the last.</summary>
    public (int From, int To) WindowRows(int h) => Windows(h + Padding.Top, R, StrideH, OutH);

    /// <summary>Window columns that cover column <paramref name="w"/>: first, and one past the last.</summary>
    public (int From, int To) WindowColumns(int w) => Windows(w + Padding.Left, S, StrideW, OutW);

    private static (int From, int To) Windows(int at, int size, int stride, int count) =>
        (at < size ? 0 : (at - size) / stride + 1, Math.Min(count, at / stride + 1));
}
