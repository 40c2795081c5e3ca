namespace Graft.Kernels;

/// <summary>
/// Windows along one axis, laid beside each other in front of the channels: y[n,p,m,s,c] = x[n, p stride + s dilation - front, m, c], 0 outside.
/// With it a convolution over volumes is one over images whose channels are those of a window's slices. Fold is the adjoint.
/// </summary>
/// <remarks>Shapes: x [N,T,M,C], y [N,P,M,S,C].</remarks>
public abstract class UnfoldKernels
{
    /// <summary>y = beta y + the windows of x; beta is 0 or 1.</summary>
    public abstract void Unfold(in UnfoldGeometry g, DevicePtr<float> x, DevicePtr<float> y, float beta);

    /// <summary>x = beta x + the sum, for each position, of all that shows it in y; beta is 0 or 1.</summary>
    public abstract void Fold(in UnfoldGeometry g, DevicePtr<float> y, DevicePtr<float> x, float beta);
}
