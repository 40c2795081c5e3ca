namespace Graft.Kernels;

/// <summary>One part x [Outer,Part] of a concatenation y [Outer,Total], at column Offset.</summary>
/// <param name="Outer">The product of the axes before the one that is joined.</param>
/// <param name="Total">Elements of y from that axis on.</param>
/// <param name="Offset">Where the part begins, in elements.</param>
/// <param name="Part">Elements of x from that axis on.</param>
public readonly record struct ConcatGeometry(long Outer, long Total, long Offset, long Part);
