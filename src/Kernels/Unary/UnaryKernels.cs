namespace Graft.Kernels;

/// <summary>One formula applied to each number: y = f(x).</summary>
/// <remarks>x, y, dx, dy [count]. Formulas and their sources: <see cref="UnaryFormula"/>.</remarks>
public abstract class UnaryKernels
{
    /// <summary>y = f(x).</summary>
    public abstract void Forward(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y);

    /// <summary>dx = beta dx + dy f'(x). Formulas that say so read y instead of x; the other pointer may be Null.</summary>
    public abstract void Backward(in UnaryGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta);
}
