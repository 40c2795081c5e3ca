namespace Graft.Kernels;

/// <summary>
/// Adam, in place: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
/// w -= rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon).
/// </summary>
/// <remarks>
/// Shapes: all [count]. Kingma and Ba 2015, arXiv:1412.6980, in the form at the end of section 2, which keras.optimizers.Adam
/// has: epsilon is added to the uncorrected root. AMSGrad (Reddi et al. 2018): peak = max(peak, v) stands under the root.
/// AdamW (Loshchilov and Hutter 2019): first w -= rate decay w. All slots start at 0.
/// </remarks>
public abstract class AdamStepKernels
{
    /// <summary>Moves all tensors. Slot A is m, B is v, C is peak: Null without AMSGrad, in all tensors alike.</summary>
    public abstract void Step(in AdamStepSettings s, ReadOnlySpan<StepTensor> tensors);
}
