namespace Graft.Kernels;

/// <summary>Takes a range of an axis: y[n, i] = x[n, Offset + i].</summary>
/// <remarks>Shapes: x, dx [Outer,Total]; y, dy [Outer,Part].</remarks>
/// <typeparam name="T">How x, y and their gradients lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class SliceKernels<T>
    where T : unmanaged
{
    /// <summary>y = the range of x.</summary>
    public abstract void Forward(in SliceGeometry g, DevicePtr<T> x, DevicePtr<T> y);

    /// <summary>dx = beta dx + dy within the range; outside it dx = beta dx, that is 0 for beta 0.</summary>
    public abstract void BackwardInput(in SliceGeometry g, DevicePtr<T> dy, DevicePtr<T> dx, float beta);
}

/// <summary>The same on float32.</summary>
public abstract class SliceKernels : SliceKernels<float>;
