namespace Graft.Kernels;

/// <summary>Zeros around an image: y[n,h + top,w + left,c] = x[n,h,w,c], 0 elsewhere.</summary>
/// <remarks>Shapes: x [N,H,W,C], y [N,OutH,OutW,C]. Matches keras.layers.ZeroPadding2D.</remarks>
public abstract class Pad2DKernels
{
    /// <summary>The padded image.</summary>
    public abstract void Forward(in Pad2DGeometry g, DevicePtr<float> x, DevicePtr<float> y);

    /// <summary>dx = beta dx + the inner part of dy.</summary>
    public abstract void BackwardInput(in Pad2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta);
}
