namespace Graft.Kernels;

/// <summary>
/// Sizes of a frozen convolution with its epilogue, and where its activations lie: x N images of H x W x C, w [O,R,S,C], b [O],
/// residual N images of OutH x OutW x O, y N of StoredH x StoredW x O. One group; depthwise convolution is an op of its own.
/// </summary>
public readonly record struct FusedConv2DGeometry(
    int N, int H, int W, int C, int O, int R, int S, int StrideH, int StrideW, int DilationH, int DilationW, Padding2D Padding)
{
    /// <summary>Applied after bias and residual.</summary>
    public FusedActivation Activation { get; init; }

    /// <summary>
    /// True where y holds the largest of every 2 x 2 outputs, after the activation, instead of the outputs: max pooling of stride 2 without
    /// padding. A last odd row or column is dropped. Set by <see cref="WithMaxPool"/>.
    /// </summary>
    public bool MaxPool { get; init; }

    /// <summary>Where x lies.</summary>
    public ImageLayout Input { get; init; } = ImageLayout.Dense(H, W, C);

    /// <summary>
    /// Rows and columns of zeros that surround every image of x in memory, on all four sides: they may be read as padding. Other
    /// memory outside the image is never read.
    /// </summary>
    public int InputBorder { get; init; }

    /// <summary>Where y lies. Nothing but its pixels is written: a border around them stays as it is.</summary>
    public ImageLayout Output { get; init; } = ImageLayout.Dense(
        Extent(H, Padding.Top + Padding.Bottom, R, StrideH, DilationH), Extent(W, Padding.Left + Padding.Right, S, StrideW, DilationW), O);

    /// <summary>Where the residual lies, if there is one.</summary>
    public ImageLayout Residual { get; init; } = ImageLayout.Dense(
        Extent(H, Padding.Top + Padding.Bottom, R, StrideH, DilationH), Extent(W, Padding.Left + Padding.Right, S, StrideW, DilationW), O);

    /// <summary>Output height: floor((H + padding - dilated filter) / stride) + 1; below 1 the filter does not fit.</summary>
    public int OutH => Extent(H, Padding.Top + Padding.Bottom, R, StrideH, DilationH);

    /// <summary>Output width.</summary>
    public int OutW => Extent(W, Padding.Left + Padding.Right, S, StrideW, DilationW);

    /// <summary>Height of y: OutH, or half of it after max pooling.</summary>
    public int StoredH => MaxPool ? OutH / 2 : OutH;

    /// <summary>Width of y.</summary>
    public int StoredW => MaxPool ? OutW / 2 : OutW;

    /// <summary>Multiplications and additions of the direct algorithm, those on padding included.</summary>
    public long Flops => 2L * N * OutH * OutW * O * R * S * C;

    /// <summary>The same convolution on dense activations, with nothing but a bias after it.</summary>
    public static FusedConv2DGeometry From(in Conv2DGeometry g) => g.Groups == 1
        ? new(g.N, g.H, g.W, g.C, g.O, g.R, g.S, g.StrideH, g.StrideW, g.DilationH, g.DilationW, g.Padding)
        : throw new ArgumentException($"FusedConv2D has one group, the convolution has {g.Groups}.", nameof(g));

    /// <summary>The same with x inside a border of zeros: [N,H + 2 border,W + 2 border,C], the address being that of the first pixel.</summary>
    public FusedConv2DGeometry WithInputBorder(int border) => this with { Input = ImageLayout.Bordered(H, W, C, border), InputBorder = border };

    /// <summary>The same with y inside a border that is not written.</summary>
    public FusedConv2DGeometry WithOutputBorder(int border) => this with { Output = ImageLayout.Bordered(StoredH, StoredW, O, border) };

    /// <summary>The same with max pooling after the activation, y dense.</summary>
    public FusedConv2DGeometry WithMaxPool() => this with { MaxPool = true, Output = ImageLayout.Dense(OutH / 2, OutW / 2, O) };

    /// <summary>True where the border holds all the padding that windows reach.</summary>
    public bool BorderCoversPadding =>
        InputBorder >= Math.Max(Math.Max(Padding.Top, Padding.Bottom), Math.Max(Padding.Left, Padding.Right));

    private static int Extent(int size, int padding, int filter, int stride, int dilation) =>
        Conv2DGeometry.Extent(size + padding, filter, stride, dilation);
}
