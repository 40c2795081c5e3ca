namespace Graft.Kernels;

internal sealed unsafe class ReferenceAdadeltaStepKernels : AdadeltaStepKernels
{
    public override void Step(in AdadeltaStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> a, DevicePtr<float> d)
    {
        for (long i = 0; i < count; i++)
        {
            double gradient = g.Pointer[i], last = d.Pointer[i];
            double square = (double)s.Rho * a.Pointer[i] + (1.0 - s.Rho) * gradient * gradient;
            double move = Math.Sqrt(last + s.Epsilon) / Math.Sqrt(square + s.Epsilon) * gradient;
            a.Pointer[i] = (float)square;
            d.Pointer[i] = (float)(s.Rho * last + (1.0 - s.Rho) * move * move);
            w.Pointer[i] = (float)(w.Pointer[i] - s.Rate * move);
        }
    }
}
