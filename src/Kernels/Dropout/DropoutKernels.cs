namespace Graft.Kernels;

/// <summary>Dropout: y[i] = x[i] / (1 - rate) where u[i] is at least rate, else 0.</summary>
/// <remarks>
/// Shapes: x, y, dx, dy [Count]. u[i] is word i mod 4 of <see cref="Philox.Block"/> i / 4 as <see cref="Philox.Unit"/>:
/// the mask depends on seed and index alone, is the same on every device, and backward makes it anew instead of keeping it.
/// Srivastava et al. 2014, in the inverted form of Keras.
/// </remarks>
/// <typeparam name="T">How x, y and their gradients lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class DropoutKernels<T>
    where T : unmanaged
{
    /// <summary>y = mask x / (1 - rate).</summary>
    public abstract void Forward(in DropoutGeometry g, DevicePtr<T> x, DevicePtr<T> y);

    /// <summary>dx = beta dx + mask dy / (1 - rate).</summary>
    public abstract void BackwardInput(in DropoutGeometry g, DevicePtr<T> dy, DevicePtr<T> dx, float beta);
}

/// <summary>The same on float32.</summary>
public abstract class DropoutKernels : DropoutKernels<float>;
