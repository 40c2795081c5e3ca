namespace Graft.Kernels;

/// <summary>Rows that are each projected: x, y [Rows,C].</summary>
/// <param name="Rows">Number of rows.</param>
/// <param name="C">Numbers a row.</param>
public readonly record struct SparsemaxGeometry(long Rows, int C);
