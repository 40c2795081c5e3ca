namespace Graft.Kernels;

/// <summary>
/// Layer normalisation over the last axis: y = (x - mean) rstd scale + shift, rstd = 1 / sqrt(variance + epsilon), one mean
/// and one biased variance a row.
/// </summary>
/// <remarks>
/// Shapes: x, y [Rows,C]; scale (gamma), shift (beta) [C]; mean, rstd [Rows]. Source: Ba, Kiros and Hinton 2016, section 3;
/// matches torch.nn.LayerNorm and keras.layers.LayerNormalization.
/// </remarks>
/// <typeparam name="TX">How x and its gradient lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
/// <typeparam name="T">How y and its gradient do.</typeparam>
public abstract class LayerNormKernels<TX, T>
    where TX : unmanaged
    where T : unmanaged
{
    /// <summary>Writes y, and mean and rstd of each row for backward unless they are Null.</summary>
    public abstract void Forward(
        in LayerNormGeometry g, DevicePtr<TX> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<T> y,
        DevicePtr<float> mean, DevicePtr<float> rstd);

    /// <summary>
    /// dx = beta dx + rstd (d - mean of d - xhat * mean of d xhat), d = dy scale, xhat = (x - mean) rstd, means over the row.
    /// </summary>
    public abstract void BackwardInput(
        in LayerNormGeometry g, DevicePtr<TX> x, DevicePtr<T> dy, DevicePtr<float> scale, DevicePtr<float> mean,
        DevicePtr<float> rstd, DevicePtr<TX> dx, float beta);

    /// <summary>dscale = beta dscale + the sum over rows of dy xhat.</summary>
    public abstract void BackwardScale(
        in LayerNormGeometry g, DevicePtr<TX> x, DevicePtr<T> dy, DevicePtr<float> mean, DevicePtr<float> rstd,
        DevicePtr<float> dscale, float beta);

    /// <summary>dshift = beta dshift + the sum over rows of dy.</summary>
    public abstract void BackwardShift(in LayerNormGeometry g, DevicePtr<T> dy, DevicePtr<float> dshift, float beta);
}

/// <summary>The same on float32, where mean and rstd are never Null.</summary>
public abstract class LayerNormKernels : LayerNormKernels<float, float>;
