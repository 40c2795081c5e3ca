namespace Graft.Kernels;

/// <summary>The cells that <see cref="RecurrentKernels"/> compute.</summary>
public enum RecurrentKind
{
    /// <summary>One gate, one state: Elman 1990.</summary>
    Simple,

    /// <summary>Gates i, f, c, o; states h and c. Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000.</summary>
    Lstm,

    /// <summary>Gates z, r, h; the reset gate multiplies the state before the product. Cho et al. 2014, arXiv:1406.1078v1.</summary>
    Gru,

    /// <summary>Gates z, r, h; the reset gate multiplies the product, as in cuDNN. Cho et al. 2014, arXiv:1406.1078v3.</summary>
    GruResetAfter,
}
