namespace Graft.Kernels;

/// <summary>Takes a range of an axis: y[n, i] = x[n, Offset + i].</summary>
/// <remarks>Shapes: x, dx [Outer,Total]; y, dy [Outer,Part].</remarks>
public abstract class SliceKernels
{
    /// <summary>y = the range of x.</summary>
    public abstract void Forward(in SliceGeometry g, DevicePtr<float> x, DevicePtr<float> y);

    /// <summary>dx = beta dx + dy within the range; outside it dx = beta dx, that is 0 for beta 0.</summary>
    public abstract void BackwardInput(in SliceGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta);
}
