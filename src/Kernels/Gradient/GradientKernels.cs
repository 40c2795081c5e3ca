namespace Graft.Kernels;

/// <summary>What optimizers do to gradients before a step: norms, clipping, decay.</summary>
/// <remarks>Shapes: all [count].</remarks>
public abstract class GradientKernels
{
    /// <summary>The sum of g^2, in double and in one fixed order. Waits for the device.</summary>
    public abstract double SumOfSquares(DevicePtr<float> g, long count);

    /// <summary>g = factor g.</summary>
    public abstract void Scale(DevicePtr<float> g, long count, float factor);

    /// <summary>g = min(max(g, -limit), limit).</summary>
    public abstract void ClipValue(DevicePtr<float> g, long count, float limit);

    /// <summary>destination = destination + factor source: L2 decay with w as source.</summary>
    public abstract void AddScaled(DevicePtr<float> source, float factor, DevicePtr<float> destination, long count);
}
