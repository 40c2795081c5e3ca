namespace Graft.Kernels;

/// <summary>
/// Adamax, in place: m = beta1 m + (1 - beta1) g, u = max(beta2 u, |g|), w -= rate / (1 - beta1^t) m / (u + epsilon).
/// </summary>
/// <remarks>
/// Shapes: all [count]. Kingma and Ba 2015, arXiv:1412.6980, algorithm 2, as keras.optimizers.Adamax has it: epsilon keeps a
/// weight without gradients from 0 / 0. Both slots start at 0.
/// </remarks>
public abstract class AdamaxStepKernels
{
    /// <summary>Moves all tensors. Slot A is m, B is u.</summary>
    public abstract void Step(in AdamaxStepSettings s, ReadOnlySpan<StepTensor> tensors);
}
