namespace Graft.Kernels;

/// <summary>
/// Two inputs seen as four axes of one output, by NumPy's broadcasting: the stride of an axis that is repeated is 0.
/// </summary>
/// <param name="Formula">The formula.</param>
/// <param name="D0">Extent of the outermost axis.</param>
/// <param name="D1">Second axis.</param>
/// <param name="D2">Third axis.</param>
/// <param name="D3">Innermost axis: contiguous or repeated in both inputs.</param>
/// <param name="A">Strides of the first input, in elements.</param>
/// <param name="B">Strides of the second input, in elements.</param>
public readonly record struct BinaryGeometry(BinaryFormula Formula, int D0, int D1, int D2, int D3, Strides4 A, Strides4 B)
{
    /// <summary>Number of output elements.</summary>
    public long Count => (long)D0 * D1 * D2 * D3;

    /// <summary>True where neither input is repeated.</summary>
    public bool IsFlat => CountOf(A) == Count && CountOf(B) == Count;

    /// <summary>Elements of an input: the product of the extents that it does not repeat.</summary>
    public long CountOf(Strides4 s) =>
        (long)(s.S0 == 0 ? 1 : D0) * (s.S1 == 0 ? 1 : D1) * (s.S2 == 0 ? 1 : D2) * (s.S3 == 0 ? 1 : D3);
}

/// <summary>Distance in elements between neighbours along each of four axes; 0 repeats.</summary>
public readonly record struct Strides4(int S0, int S1, int S2, int S3)
{
    /// <summary>Offset of a row: the position along the three outer axes.</summary>
    public long Row(int i0, int i1, int i2) => (long)i0 * S0 + (long)i1 * S1 + (long)i2 * S2;
}
