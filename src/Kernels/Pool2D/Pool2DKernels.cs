namespace Graft.Kernels;

/// <summary>
/// Pooling: y[n,p,q,c] is the largest or the mean of x over window (p,q) of channel c. Padding never wins and adds nothing.
/// </summary>
/// <remarks>
/// Shapes: x [N,H,W,C], y and winners [N,OutH,OutW,C]. The maximum of equals is the first in row-major order, as
/// TensorFlow and torch have it; a NaN in the window wins, as in torch. The average divides by the pixels inside the image
/// (Keras), or by the whole window with CountPadding (torch's count_include_pad).
/// </remarks>
/// <typeparam name="T">How images and their gradients lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class Pool2DKernels<T>
    where T : unmanaged
{
    /// <summary>
    /// Maximum; <paramref name="winners"/> holds r S + s of the winner within its unclipped window, or is Null where no backward comes.
    /// </summary>
    public abstract void MaxForward(in Pool2DGeometry g, DevicePtr<T> x, DevicePtr<T> y, DevicePtr<int> winners);

    /// <summary>dx = beta dx + the sum of dy over the windows that a pixel won.</summary>
    public abstract void MaxBackward(in Pool2DGeometry g, DevicePtr<T> dy, DevicePtr<int> winners, DevicePtr<T> dx, float beta);

    /// <summary>Mean.</summary>
    public abstract void AverageForward(in Pool2DGeometry g, DevicePtr<T> x, DevicePtr<T> y);

    /// <summary>dx = beta dx + the sum of dy / divisor over the windows that cover a pixel.</summary>
    public abstract void AverageBackward(in Pool2DGeometry g, DevicePtr<T> dy, DevicePtr<T> dx, float beta);
}

/// <summary>The same on float32.</summary>
public abstract class Pool2DKernels : Pool2DKernels<float>;
