namespace Graft.Kernels;

internal sealed unsafe class ReferenceGradientKernels : GradientKernels
{
    public override double SumOfSquares(DevicePtr<float> g, long count)
    {
        double sum = 0;
        for (long i = 0; i < count; i++)
            sum += (double)g.Pointer[i] * g.Pointer[i];
        return sum;
    }

    public override void Scale(DevicePtr<float> g, long count, float factor)
    {
        for (long i = 0; i < count; i++)
            g.Pointer[i] *= factor;
    }

    public override void ClipValue(DevicePtr<float> g, long count, float limit)
    {
        for (long i = 0; i < count; i++)
            g.Pointer[i] = Math.Min(Math.Max(g.Pointer[i], -limit), limit);
    }

    public override void AddScaled(DevicePtr<float> source, float factor, DevicePtr<float> destination, long count)
    {
        for (long i = 0; i < count; i++)
            destination.Pointer[i] += factor * source.Pointer[i];
    }
}
