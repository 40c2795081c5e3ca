namespace Graft.Kernels;

/// <summary>Sizes of a softmax: x, y [Rows,C], over C.</summary>
/// <param name="Rows">The product of all axes but the last.</param>
/// <param name="C">Extent of the last axis.</param>
/// <param name="Log">True for the logarithm of the softmax.</param>
public readonly record struct SoftmaxGeometry(long Rows, int C, bool Log);
