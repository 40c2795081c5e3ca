namespace Graft.Kernels;

/// <summary>A tensor seen as [Outer, Length, Inner], of which the middle axis is reduced: y [Outer, Inner].</summary>
/// <param name="Formula">What becomes of the numbers.</param>
/// <param name="Outer">Rows before the reduced axis.</param>
/// <param name="Length">Numbers that become one.</param>
/// <param name="Inner">Contiguous columns behind the reduced axis: channels in global pooling.</param>
public readonly record struct ReduceGeometry(ReduceFormula Formula, int Outer, int Length, int Inner);
