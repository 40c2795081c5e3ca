namespace Graft.Kernels;

/// <summary>
/// Pooling: y[n,p,q,c] is the largest or the mean of x over window (p,q) of channel c. Padding never wins and adds nothing.
/// </summary>
/// <remarks>
/// Shapes: x [N,H,W,C], y and winners [N,OutH,OutW,C]. The maximum of equals is the first in row-major order, as
/// TensorFlow and torch have it; a NaN in the window wins, as in torch. The average divides by the pixels inside the image
/// (Keras), or by the whole window with CountPadding (torch's count_include_pad).
/// </remarks>
public abstract class Pool2DKernels
{
    /// <summary>
    /// Maximum; <paramref name="winners"/> holds r S + s of the winner within its unclipped window, or is Null where no backward comes.
    /// </summary>
    public abstract void MaxForward(in Pool2DGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<int> winners);

    /// <summary>dx = beta dx + the sum of dy over the windows that a pixel won.</summary>
    public abstract void MaxBackward(in Pool2DGeometry g, DevicePtr<float> dy, DevicePtr<int> winners, DevicePtr<float> dx, float beta);

    /// <summary>Mean.</summary>
    public abstract void AverageForward(in Pool2DGeometry g, DevicePtr<float> x, DevicePtr<float> y);

    /// <summary>dx = beta dx + the sum of dy / divisor over the windows that cover a pixel.</summary>
    public abstract void AverageBackward(in Pool2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta);
}
