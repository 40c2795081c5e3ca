namespace Graft.Kernels;

/// <summary>Functions of one number for each element: y[i] = f(x[i]), with the formulas of <see cref="UnaryFormula"/>.</summary>
/// <remarks>Shapes: x, y, dx, dy [Count]. Slopes at kinks match torch, which the formulas' docs state.</remarks>
/// <typeparam name="T">How x, y and their gradients lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class UnaryKernels<T>
    where T : unmanaged
{
    /// <summary>y = f(x); y may be x.</summary>
    public abstract void Forward(in UnaryGeometry g, DevicePtr<T> x, DevicePtr<T> y);

    /// <summary>
    /// dx = beta dx + dy f'(x). x is read only where <see cref="UnaryGeometry.NeedsInput"/>, y only where
    /// <see cref="UnaryGeometry.NeedsOutput"/>; the other may be Null.
    /// </summary>
    public abstract void BackwardInput(in UnaryGeometry g, DevicePtr<T> x, DevicePtr<T> y, DevicePtr<T> dy, DevicePtr<T> dx, float beta);
}

/// <summary>The same on float32.</summary>
public abstract class UnaryKernels : UnaryKernels<float>;
