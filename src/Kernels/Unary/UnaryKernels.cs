namespace Graft.Kernels;

/// <summary>Functions of one number for each element: y[i] = f(x[i]), with the formulas of <see cref="UnaryFormula"/>.</summary>
/// <remarks>Shapes: x, y, dx, dy [Count]. Slopes at kinks match torch, which the formulas' docs state.</remarks>
public abstract class UnaryKernels
{
    /// <summary>y = f(x); y may be x.</summary>
    public abstract void Forward(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y);

    /// <summary>
    /// dx = beta dx + dy f'(x). x is read only where <see cref="UnaryGeometry.NeedsInput"/>, y only where
    /// <see cref="UnaryGeometry.NeedsOutput"/>; the other may be Null.
    /// </summary>
    public abstract void BackwardInput(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta);
}
