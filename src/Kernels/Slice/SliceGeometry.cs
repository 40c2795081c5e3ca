namespace Graft.Kernels;

/// <summary>A range y [Outer,Part] of x [Outer,Total], from column Offset on.</summary>
/// <param name="Outer">The product of the axes before the one that is cut.</param>
/// <param name="Total">Elements of x from that axis on.</param>
/// <param name="Offset">Where the range begins, in elements.</param>
/// <param name="Part">Elements of y from that axis on.</param>
public readonly record struct SliceGeometry(long Outer, long Total, long Offset, long Part);
