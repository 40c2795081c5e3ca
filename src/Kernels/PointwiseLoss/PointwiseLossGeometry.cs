namespace Graft.Kernels;

/// <summary>A loss for each element: x, t [Count] to loss [Count].</summary>
/// <param name="Count">Number of elements.</param>
/// <param name="Formula">The loss.</param>
/// <param name="Parameter">Huber's delta.</param>
/// <param name="LabelSmoothing">s: labels of the two cross-entropies become t (1 - s) + s / 2.</param>
public readonly record struct PointwiseLossGeometry(long Count, LossFormula Formula, float Parameter = 0, float LabelSmoothing = 0);
