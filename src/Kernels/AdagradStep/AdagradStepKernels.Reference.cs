namespace Graft.Kernels;

internal sealed unsafe class ReferenceAdagradStepKernels : AdagradStepKernels
{
    public override void Step(in AdagradStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> a)
    {
        for (long i = 0; i < count; i++)
        {
            double gradient = g.Pointer[i], sum = a.Pointer[i] + gradient * gradient;
            a.Pointer[i] = (float)sum;
            w.Pointer[i] = (float)(w.Pointer[i] - s.Rate * gradient / (Math.Sqrt(sum + s.Epsilon) + s.OuterEpsilon));
        }
    }
}
