namespace Graft.Kernels;

/// <summary>Joins arrays along an axis, part by part: y[n, Offset + i] = x[n, i].</summary>
/// <remarks>Shapes: x, dx [Outer,Part]; y, dy [Outer,Total].</remarks>
/// <typeparam name="T">How x, y and their gradients lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class ConcatKernels<T>
    where T : unmanaged
{
    /// <summary>Writes one part into y and leaves the rest of y alone.</summary>
    public abstract void Forward(in ConcatGeometry g, DevicePtr<T> x, DevicePtr<T> y);

    /// <summary>dx = beta dx + the part's columns of dy.</summary>
    public abstract void BackwardInput(in ConcatGeometry g, DevicePtr<T> dy, DevicePtr<T> dx, float beta);
}

/// <summary>The same on float32.</summary>
public abstract class ConcatKernels : ConcatKernels<float>;
