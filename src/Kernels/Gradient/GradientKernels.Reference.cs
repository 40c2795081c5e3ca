namespace Graft.Kernels;

internal sealed unsafe class ReferenceGradientKernels : GradientKernels
{
    public override void SumsOfSquares(ReadOnlySpan<StepTensor> tensors, Span<double> sums)
    {
        for (int t = 0; t < tensors.Length; t++)
        {
            sums[t] = 0;
            for (long i = 0; i < tensors[t].Count; i++)
                sums[t] += (double)tensors[t].G.Pointer[i] * tensors[t].G.Pointer[i];
        }
    }

    public override bool TakesProduct(in DenseGeometry g) => GradientProduct.IsSmaller(g);

    public override void Scale(DevicePtr<float> g, long count, float factor)
    {
        for (long i = 0; i < count; i++)
            g.Pointer[i] *= factor;
    }

    public override void AddScaled(DevicePtr<float> source, float factor, DevicePtr<float> destination, long count)
    {
        for (long i = 0; i < count; i++)
            destination.Pointer[i] += factor * source.Pointer[i];
    }
}
