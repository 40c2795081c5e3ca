namespace Graft.Kernels;

/// <summary>One formula of two inputs, with broadcasting: y = f(a, b).</summary>
/// <remarks>
/// y has the geometry's four extents; a and b are read by their strides. A gradient has its input's extents: it sums over
/// the axes along which the input was repeated.
/// </remarks>
public abstract class BinaryKernels
{
    /// <summary>y = f(a, b).</summary>
    public abstract void Forward(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> y);

    /// <summary>da = beta da + the sum of dy ∂f/∂a over the repeated axes.</summary>
    public abstract void BackwardA(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> da, float beta);

    /// <summary>db = beta db + the sum of dy ∂f/∂b over the repeated axes.</summary>
    public abstract void BackwardB(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> db, float beta);
}
