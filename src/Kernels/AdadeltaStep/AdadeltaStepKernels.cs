namespace Graft.Kernels;

/// <summary>
/// Adadelta, in place: a = rho a + (1 - rho) g^2, move = sqrt(d + epsilon) / sqrt(a + epsilon) g,
/// d = rho d + (1 - rho) move^2, w -= rate move.
/// </summary>
/// <remarks>
/// Shapes: all [count]. Zeiler 2012, arXiv:1212.5701, algorithm 1, as keras.optimizers.Adadelta has it: d is that of the step
/// before while the move is worked out, and the rate is not part of d. Both slots start at 0.
/// </remarks>
public abstract class AdadeltaStepKernels
{
    /// <summary>Moves all tensors. Slot A is a, of gradients; B is d, of moves.</summary>
    public abstract void Step(in AdadeltaStepSettings s, ReadOnlySpan<StepTensor> tensors);
}
