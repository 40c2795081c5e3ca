namespace Graft.Kernels;

/// <summary>Joins arrays along an axis, part by part: y[n, Offset + i] = x[n, i].</summary>
/// <remarks>Shapes: x, dx [Outer,Part]; y, dy [Outer,Total].</remarks>
public abstract class ConcatKernels
{
    /// <summary>Writes one part into y and leaves the rest of y alone.</summary>
    public abstract void Forward(in ConcatGeometry g, DevicePtr<float> x, DevicePtr<float> y);

    /// <summary>dx = beta dx + the part's columns of dy.</summary>
    public abstract void BackwardInput(in ConcatGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta);
}
