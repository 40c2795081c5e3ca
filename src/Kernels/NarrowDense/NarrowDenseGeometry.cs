namespace Graft.Kernels;

/// <summary>How the numbers of frozen weights are stored; products and sums are made from more.</summary>
public enum WeightPrecision
{
    /// <summary>32 bits: as they are.</summary>
    Float32,

    /// <summary>The upper half of a float, rounded to nearest: 8 bits of precision, the range of a float.</summary>
    BFloat16,

    /// <summary>8 bits: whole numbers from -127 to 127 times a factor for each <see cref="NarrowDenseGeometry.Block"/> inputs of an output. Inputs are rounded to 8 bits likewise.</summary>
    Int8,
}

/// <summary>Sizes of a dense layer with frozen weights of fewer bits, and its epilogue: x [M,K], w [K,O], b [O], residual and y [M,O].</summary>
/// <param name="M">Rows.</param>
/// <param name="K">Inputs.</param>
/// <param name="O">Outputs.</param>
/// <param name="Precision">BFloat16 or Int8.</param>
/// <param name="Activation">Applied after bias and residual; null for none. It takes no parameters.</param>
public readonly record struct NarrowDenseGeometry(int M, int K, int O, WeightPrecision Precision, UnaryFormula? Activation = null)
{
    /// <summary>Inputs that share a factor under Int8.</summary>
    public const int Block = 128;

    /// <summary>Blocks of the inputs, the last one possibly with fewer.</summary>
    public int Blocks => (K + Block - 1) / Block;
}
