namespace Graft.Kernels;

/// <summary>Stochastic gradient descent, in place: w -= rate g; with momentum v = momentum v - rate g, w += v.</summary>
/// <remarks>
/// Shapes: w, g, v [count]. Nesterov: w += momentum v - rate g with the new v. Matches keras.optimizers.SGD; v starts at 0.
/// </remarks>
public abstract class SgdStepKernels
{
    /// <summary>Moves all tensors. Slot A is v; it may be Null where there is no momentum.</summary>
    public abstract void Step(in SgdStepSettings s, ReadOnlySpan<StepTensor> tensors);
}
