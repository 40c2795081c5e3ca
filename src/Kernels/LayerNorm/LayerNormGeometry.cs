namespace Graft.Kernels;

/// <summary>Sizes of a layer normalisation: x, y [Rows,C]; scale, shift [C]; mean, rstd [Rows].</summary>
/// <param name="Rows">The product of all axes of x but the last.</param>
/// <param name="C">Extent of the last axis.</param>
/// <param name="Epsilon">Added to the variance.</param>
public readonly record struct LayerNormGeometry(long Rows, int C, float Epsilon);
