namespace Graft.Kernels;

/// <summary>Adagrad, in place: a += g^2, w -= rate g / (sqrt(a + epsilon) + outer epsilon).</summary>
/// <remarks>
/// Shapes: all [count]. Duchi et al. 2011, as keras.optimizers.Adagrad of Keras 3 has it; Keras 2 and
/// PyTorch have the outer epsilon, which is 0 else. What a starts at (0.1 there) is the
/// caller's matter.
/// </remarks>
public abstract class AdagradStepKernels
{
    /// <summary>Moves all tensors. Slot A is a.</summary>
    public abstract void Step(in AdagradStepSettings s, ReadOnlySpan<StepTensor> tensors);
}
