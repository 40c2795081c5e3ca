namespace Graft.Kernels;

/// <summary>Reductions over axes: y[kept] = the sum, mean, largest or smallest of x[kept, reduced].</summary>
/// <remarks>
/// Shapes: x, dx [Extents]; y, dy the kept axes. Sums are accumulated in double in one fixed order. Equal largest
/// elements share the gradient evenly, as torch.amax does and with it Keras's global max pooling; torch.max over one
/// axis, which names one winner, does not. Over no elements Sum gives 0, Mean NaN, Max and Min the infinities.
/// </remarks>
public abstract class ReduceKernels
{
    /// <summary>y = beta y + the reduction; beta is 0 (y is not read) or 1.</summary>
    public abstract void Forward(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y, float beta);

    /// <summary>dx = beta dx + each element's share of dy. x and y are read for Max and Min alone and may else be Null.</summary>
    public abstract void BackwardInput(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta);
}
