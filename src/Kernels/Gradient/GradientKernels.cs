namespace Graft.Kernels;

/// <summary>What is done to gradients before an optimizer's step: norms, means.</summary>
/// <remarks>Clipping itself is part of the step: <see cref="StepTensor.Factor"/> and <see cref="StepTensor.Limit"/>.</remarks>
public abstract class GradientKernels
{
    /// <summary>The sum of g^2 of each tensor, in double and in one fixed order, in one pass over all. Waits for the device.</summary>
    public abstract void SumsOfSquares(ReadOnlySpan<StepTensor> tensors, Span<double> sums);

    /// <summary>g [count] = factor g.</summary>
    public abstract void Scale(DevicePtr<float> g, long count, float factor);

    /// <summary>destination [count] = destination + factor source.</summary>
    public abstract void AddScaled(DevicePtr<float> source, float factor, DevicePtr<float> destination, long count);
}
