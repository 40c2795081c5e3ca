namespace Graft.Kernels;

/// <summary>RMSprop, in place: v = rho v + (1 - rho) g^2, w -= rate g / (sqrt(v + epsilon) + outer epsilon).</summary>
/// <remarks>
/// Shapes: all [count]. Centered: mean = rho mean + (1 - rho) g, and v - mean^2 stands under the root. Momentum:
/// m = momentum m + rate g / root, w -= m. Hinton 2012, lecture 6e, as keras.optimizers.RMSprop of Keras 3 has it (Keras 2
/// and PyTorch add epsilon outside the root: the outer one, which is 0 else). All slots start at 0.
/// </remarks>
public abstract class RmsPropStepKernels
{
    /// <summary>Moves all tensors. Slot A is v, B is m: Null without momentum, C is mean: Null where not centered; in all tensors alike.</summary>
    public abstract void Step(in RmsPropStepSettings s, ReadOnlySpan<StepTensor> tensors);
}
