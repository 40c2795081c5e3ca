namespace Graft.Kernels;

/// <summary>
/// Nadam, in place: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
/// w -= rate (u(t+1) m / (1 - u(1) .. u(t+1)) + (1 - u(t)) g / (1 - u(1) .. u(t))) / (sqrt(v / (1 - beta2^t)) + epsilon),
/// with the momentum schedule u(t) = beta1 (1 - 0.96^t / 2).
/// </summary>
/// <remarks>
/// Shapes: all [count]. Dozat 2016, "Incorporating Nesterov momentum into Adam", algorithm 2, as keras.optimizers.Nadam of
/// Keras 3 has it (Keras 2 had 0.96^(0.004 t)). Both slots start at 0.
/// </remarks>
public abstract class NadamStepKernels
{
    /// <summary>Moves all tensors. Slot A is m, B is v.</summary>
    public abstract void Step(in NadamStepSettings s, ReadOnlySpan<StepTensor> tensors);
}
