namespace Graft.Kernels;

/// <summary>
/// Two-dimensional cross-correlation, as every framework's "convolution":
/// y[n,p,q,o] = b[o] + sum over r,s,c of x[n, p strideH + r dilationH - top, q strideW + s dilationW - left, c0 + c] w[o,r,s,c],
/// where c0 is the first channel of o's group and x is 0 outside the image.
/// </summary>
/// <remarks>
/// Shapes: x [N,H,W,C], w [O,R,S,C/Groups] (cuDNN's KRSC), b [O], y [N,OutH,OutW,O]. Matches keras.layers.Conv2D and
/// torch.nn.functional.conv2d up to layout.
/// </remarks>
/// <typeparam name="T">How images, their gradients and w lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class Conv2DKernels<T>
    where T : unmanaged
{
    /// <summary>The output. <paramref name="b"/> may be Null: no bias.</summary>
    public abstract void Forward(in Conv2DGeometry g, DevicePtr<T> x, DevicePtr<T> w, DevicePtr<float> b, DevicePtr<T> y);

    /// <summary>dx = beta dx + the sum over all windows that cover a pixel of dy w.</summary>
    public abstract void BackwardInput(in Conv2DGeometry g, DevicePtr<T> dy, DevicePtr<T> w, DevicePtr<T> dx, float beta);

    /// <summary>dw = beta dw + the sum over images and output pixels of dy x.</summary>
    public abstract void BackwardWeight(in Conv2DGeometry g, DevicePtr<T> x, DevicePtr<T> dy, DevicePtr<float> dw, float beta);

    /// <summary>db = beta db + the sum of dy over images and output pixels.</summary>
    public abstract void BackwardBias(in Conv2DGeometry g, DevicePtr<T> dy, DevicePtr<float> db, float beta);
}

/// <summary>The same on float32.</summary>
public abstract class Conv2DKernels : Conv2DKernels<float>;
