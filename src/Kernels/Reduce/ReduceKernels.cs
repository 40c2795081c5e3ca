namespace Graft.Kernels;

/// <summary>Reductions over axes: y[kept] = the sum, mean, largest or smallest of x[kept, reduced].</summary>
/// <remarks>
/// Shapes: x, dx [Extents]; y, dy the kept axes. Sums are accumulated in double in one fixed order. Equal largest
/// elements share the gradient evenly, as torch.amax does and with it Keras's global max pooling; torch.max over one
/// axis, which names one winner, does not. Over no elements Sum gives 0, Mean NaN, Max and Min the infinities.
/// </remarks>
/// <typeparam name="T">How x, y and their gradients lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class ReduceKernels<T>
    where T : unmanaged
{
    /// <summary>y = beta y + the reduction; beta is 0 (y is not read) or 1.</summary>
    public abstract void Forward(in ReduceGeometry g, DevicePtr<T> x, DevicePtr<T> y, float beta);

    /// <summary>dx = beta dx + each element's share of dy. x and y are read for Max and Min alone and may else be Null.</summary>
    public abstract void BackwardInput(in ReduceGeometry g, DevicePtr<T> x, DevicePtr<T> y, DevicePtr<T> dy, DevicePtr<T> dx, float beta);
}

/// <summary>The same on float32.</summary>
public abstract class ReduceKernels : ReduceKernels<float>;
