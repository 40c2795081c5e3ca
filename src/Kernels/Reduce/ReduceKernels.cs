namespace Graft.Kernels;

/// <summary>Reduces the middle axis: y[o,i] = formula over l of x[o,l,i].</summary>
/// <remarks>x, dx [Outer,Length,Inner]; y, dy [Outer,Inner]. Sums accumulate in a fixed order, so that threads do not matter.</remarks>
public abstract class ReduceKernels
{
    /// <summary>y = the reduced numbers.</summary>
    public abstract void Forward(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y);

    /// <summary>dx = beta dx + dy times 1 (sum), 1 / Length (mean), or the share of the winners (max, min).</summary>
    public abstract void Backward(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta);
}
