namespace Graft.Kernels;

/// <summary>
/// Batch normalisation: v = (x - mean) rstd scale + shift with rstd = 1 / sqrt(variance + epsilon), one mean and variance a
/// channel: those of the batch in training, else the moving ones; y = act(v + residual), both optional, in the same pass over memory.
/// </summary>
/// <remarks>
/// v, v + residual and y are each rounded to float32, and so is the gradient behind the activation: the numbers are those of separate ops, bit for bit.
/// Shapes: x, residual, y [Rows,C]; scale (gamma), shift (beta) and all statistics [C]. Source: Ioffe and Szegedy 2015, algorithm 1 and
/// section 3.1; matches keras.layers.BatchNormalization of Keras 3: the variance is biased, in the moving average too, and
/// moving = moving momentum + batch (1 - momentum).
/// </remarks>
/// <typeparam name="T">How x, y and their gradients lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class BatchNormKernels<T>
    where T : unmanaged
{
    /// <summary>
    /// Writes y, and in <paramref name="mean"/> and <paramref name="rstd"/> what was used, for backward. In training it also
    /// updates <paramref name="movingMean"/> and <paramref name="movingVariance"/> in place. A <paramref name="residual"/> that is Null is absent.
    /// </summary>
    public abstract void Forward(
        in BatchNormGeometry g, DevicePtr<T> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<float> movingMean,
        DevicePtr<float> movingVariance, DevicePtr<T> y, DevicePtr<float> mean, DevicePtr<float> rstd, DevicePtr<T> residual = default);

    /// <summary>
    /// The two sums a channel that backward is made of: dshift[c] = sum dv, dscale[c] = sum dv (x - mean) rstd. They are the
    /// gradients of shift and scale. Both are overwritten. dv is dy, or what the activation lets through of it.
    /// </summary>
    public abstract void BackwardSums(
        in BatchNormGeometry g, DevicePtr<T> x, DevicePtr<T> dy, DevicePtr<float> mean, DevicePtr<float> rstd,
        DevicePtr<float> dscale, DevicePtr<float> dshift, BatchNormGate<T> gate = default);

    /// <summary>
    /// Training: dx = beta dx + scale rstd (dv - dshift / Rows - xhat dscale / Rows), xhat = (x - mean) rstd. Else:
    /// dx = beta dx + scale rstd dv, and neither x, unless the gate reads it, nor the sums are read (they may be Null). dx may be dy.
    /// </summary>
    public abstract void BackwardInput(
        in BatchNormGeometry g, DevicePtr<T> x, DevicePtr<T> dy, DevicePtr<float> scale, DevicePtr<float> mean,
        DevicePtr<float> rstd, DevicePtr<float> dscale, DevicePtr<float> dshift, DevicePtr<T> dx, float beta, BatchNormGate<T> gate = default);
}

/// <summary>The same on float32.</summary>
public abstract class BatchNormKernels : BatchNormKernels<float>;
