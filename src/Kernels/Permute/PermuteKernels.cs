namespace Graft.Kernels;

/// <summary>Axes in another order, as numpy.transpose: y[i0, i1, ..] = x at the sum of i times Strides.</summary>
/// <remarks>Shapes: y, dy [Extents]; x, dx the same axes in their old order.</remarks>
public abstract class PermuteKernels
{
    /// <summary>y = x with its axes in another order.</summary>
    public abstract void Forward(in PermuteGeometry g, DevicePtr<float> x, DevicePtr<float> y);

    /// <summary>dx = beta dx + dy with its axes back in the old order.</summary>
    public abstract void BackwardInput(in PermuteGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta);
}
