namespace Graft.Kernels;

/// <summary>Functions of two numbers for each element: y[i] = f(a[i], b[i]), with the formulas of <see cref="BinaryFormula"/>.</summary>
/// <remarks>
/// Shapes: y [Extents]; a and b are smaller by the axes where their stride is 0: NumPy's broadcasting. The backward
/// kernels give the gradient of each element of y's shape; where an input was repeated, the op sums it by
/// <see cref="ReduceKernels"/> over the repeated axes.
/// </remarks>
public abstract class BinaryKernels
{
    /// <summary>y = f(a, b); y may be a or b where that has y's shape.</summary>
    public abstract void Forward(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> y);

    /// <summary>da = beta da + dy df/da, da [Extents]. a and b may be Null for Add and Subtract.</summary>
    public abstract void BackwardA(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> da, float beta);

    /// <summary>db = beta db + dy df/db, db [Extents]. a and b may be Null for Add and Subtract.</summary>
    public abstract void BackwardB(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> db, float beta);
}
