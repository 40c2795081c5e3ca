namespace Graft.Kernels;

/// <summary>
/// Depthwise convolution: each channel has M filters of its own, y[n,p,q,c M + m] = b[c M + m] + sum over r,s of
/// x[n, p strideH + r dilationH - top, q strideW + s dilationW - left, c] w[r,s,c,m], x being 0 outside the image.
/// </summary>
/// <remarks>
/// Shapes: x [N,H,W,C], w [R,S,C,M], b [C*M], y [N,OutH,OutW,C*M]. Matches keras.layers.DepthwiseConv2D (weight and
/// channel order included).
/// </remarks>
/// <typeparam name="T">How images and their gradients lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class DepthwiseConv2DKernels<T>
    where T : unmanaged
{
    /// <summary>The output. <paramref name="b"/> may be Null: no bias.</summary>
    public abstract void Forward(in DepthwiseConv2DGeometry g, DevicePtr<T> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<T> y);

    /// <summary>dx = beta dx + the sum over all windows that cover a pixel of dy w.</summary>
    public abstract void BackwardInput(in DepthwiseConv2DGeometry g, DevicePtr<T> dy, DevicePtr<float> w, DevicePtr<T> dx, float beta);

    /// <summary>dw = beta dw + the sum over images and output pixels of dy x.</summary>
    public abstract void BackwardWeight(in DepthwiseConv2DGeometry g, DevicePtr<T> x, DevicePtr<T> dy, DevicePtr<float> dw, float beta);

    /// <summary>db = beta db + the sum of dy over images and output pixels.</summary>
    public abstract void BackwardBias(in DepthwiseConv2DGeometry g, DevicePtr<T> dy, DevicePtr<float> db, float beta);
}

/// <summary>The same on float32.</summary>
public abstract class DepthwiseConv2DKernels : DepthwiseConv2DKernels<float>;
