namespace Graft.Kernels;

/// <summary>What is done to gradients before an optimizer's step: norms, means.</summary>
/// <remarks>Clipping itself is part of the step: <see cref="StepTensor.Factor"/> and <see cref="StepTensor.Limit"/>.</remarks>
public abstract class GradientKernels
{
    /// <summary>The sum of g^2 of each tensor, in double and in one fixed order, in one pass over all. Waits for the device.</summary>
    public abstract void SumsOfSquares(ReadOnlySpan<StepTensor> tensors, Span<double> sums);

    /// <summary>
    /// True where a step's <see cref="StepTensor.Product"/> costs less than to write the gradient and to read it again: then the steps of this kernel set
    /// take it. Never where a set needs all gradients in memory.
    /// </summary>
    public virtual bool TakesProduct(in DenseGeometry g) => false;

    /// <summary>Takes the memory that products want during a step, so that nothing can fail half-way.</summary>
    public virtual void PrepareProducts(ReadOnlySpan<StepTensor> tensors)
    {
        // Plain loops need none.
    }

    /// <summary>g [count] = factor g.</summary>
    public abstract void Scale(DevicePtr<float> g, long count, float factor);

    /// <summary>destination [count] = destination + factor source.</summary>
    public abstract void AddScaled(DevicePtr<float> source, float factor, DevicePtr<float> destination, long count);
}
