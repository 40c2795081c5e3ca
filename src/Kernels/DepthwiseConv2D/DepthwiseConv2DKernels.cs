namespace Graft.Kernels;

/// <summary>
/// Depthwise convolution: each channel has M filters of its own, y[n,p,q,c M + m] = b[c M + m] + sum over r,s of
/// x[n, p strideH + r dilationH - top, q strideW + s dilationW - left, c] w[r,s,c,m], x being 0 outside the image.
/// </summary>
/// <remarks>
/// Shapes: x [N,H,W,C], w [R,S,C,M], b [C*M], y [N,OutH,OutW,C*M]. Matches keras.layers.DepthwiseConv2D (weight and
/// channel order included).
/// </remarks>
public abstract class DepthwiseConv2DKernels
{
    /// <summary>The output. <paramref name="b"/> may be Null: no bias.</summary>
    public abstract void Forward(in DepthwiseConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y);

    /// <summary>dx = beta dx + the sum over all windows that cover a pixel of dy w.</summary>
    public abstract void BackwardInput(in DepthwiseConv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta);

    /// <summary>dw = beta dw + the sum over images and output pixels of dy x.</summary>
    public abstract void BackwardWeight(in DepthwiseConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta);

    /// <summary>db = beta db + the sum of dy over images and output pixels.</summary>
    public abstract void BackwardBias(in DepthwiseConv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> db, float beta);
}
