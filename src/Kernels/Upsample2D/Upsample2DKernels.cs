namespace Graft.Kernels;

/// <summary>
/// Larger images by whole factors: y[n,p,q,c] is the mean of the up to four pixels of x around ((p + 0.5) / factorH - 0.5,
/// (q + 0.5) / factorW - 0.5), weighted by nearness (bilinear), or x[n, p / factorH, q / factorW, c] (nearest).
/// </summary>
/// <remarks>Shapes: x [N,H,W,C], y [N,OutH,OutW,C]. Matches keras.layers.UpSampling2D: bilinear with half-pixel centres.</remarks>
/// <typeparam name="T">How x, y and their gradients lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class Upsample2DKernels<T>
    where T : unmanaged
{
    /// <summary>The larger image.</summary>
    public abstract void Forward(in Upsample2DGeometry g, DevicePtr<T> x, DevicePtr<T> y);

    /// <summary>dx = beta dx + the sum of dy over all output pixels, each times the pixel's share in it.</summary>
    public abstract void BackwardInput(in Upsample2DGeometry g, DevicePtr<T> dy, DevicePtr<T> dx, float beta);
}

/// <summary>The same on float32.</summary>
public abstract class Upsample2DKernels : Upsample2DKernels<float>;
