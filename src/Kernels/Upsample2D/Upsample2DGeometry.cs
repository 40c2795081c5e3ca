namespace Graft.Kernels;

/// <summary>Sizes of up-sampling: x [N,H,W,C], y [N,OutH,OutW,C].</summary>
/// <param name="Kind">How the pixels in between are found.</param>
/// <param name="N">Images.</param>
/// <param name="H">Input height.</param>
/// <param name="W">Input width.</param>
/// <param name="C">Channels.</param>
/// <param name="FactorH">Output rows for each input row.</param>
/// <param name="FactorW">Output columns for each input column.</param>
public readonly record struct Upsample2DGeometry(UpsampleKind Kind, int N, int H, int W, int C, int FactorH, int FactorW)
{
    /// <summary>Output height.</summary>
    public int OutH => H * FactorH;

    /// <summary>Output width.</summary>
    public int OutW => W * FactorW;

    /// <summary>Where an output row comes from.</summary>
    public UpsampleSource Row(int p) => UpsampleSource.Of(Kind, p, FactorH, H);

    /// <summary>Where an output column comes from.</summary>
    public UpsampleSource Column(int q) => UpsampleSource.Of(Kind, q, FactorW, W);
}
