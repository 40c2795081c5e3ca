namespace Graft.Kernels;

/// <summary>Zeros around an image: y[n,h + top,w + left,c] = x[n,h,w,c], 0 elsewhere.</summary>
/// <remarks>Shapes: x [N,H,W,C], y [N,OutH,OutW,C]. Matches keras.layers.ZeroPadding2D.</remarks>
/// <typeparam name="T">How images and their gradients lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class Pad2DKernels<T>
    where T : unmanaged
{
    /// <summary>The padded image.</summary>
    public abstract void Forward(in Pad2DGeometry g, DevicePtr<T> x, DevicePtr<T> y);

    /// <summary>dx = beta dx + the inner part of dy.</summary>
    public abstract void BackwardInput(in Pad2DGeometry g, DevicePtr<T> dy, DevicePtr<T> dx, float beta);
}

/// <summary>The same on float32.</summary>
public abstract class Pad2DKernels : Pad2DKernels<float>;
