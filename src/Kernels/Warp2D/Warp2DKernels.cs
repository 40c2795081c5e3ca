namespace Graft.Kernels;

/// <summary>
/// Images resampled at places that an affine map of each image gives: y[n,p,q,c] is x at (m3 q + m4 p + m5, m0 q + m1 p + m2), with the six numbers m
/// of image n.
/// </summary>
/// <remarks>Shapes: x [N,H,W,C], m [N,6], y [N,OutH,OutW,C]. Matches tf.raw_ops.ImageProjectiveTransformV3, which Keras's random layers use, without its perspective.</remarks>
public abstract class Warp2DKernels
{
    /// <summary>The resampled images.</summary>
    public abstract void Forward(in Warp2DGeometry g, DevicePtr<float> x, DevicePtr<float> m, DevicePtr<float> y);

    /// <summary>dx = beta dx + each pixel's shares of dy.</summary>
    public abstract void BackwardInput(in Warp2DGeometry g, DevicePtr<float> m, DevicePtr<float> dy, DevicePtr<float> dx, float beta);
}
