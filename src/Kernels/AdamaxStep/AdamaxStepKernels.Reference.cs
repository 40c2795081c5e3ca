namespace Graft.Kernels;

internal sealed unsafe class ReferenceAdamaxStepKernels : AdamaxStepKernels
{
    public override void Step(in AdamaxStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> m, DevicePtr<float> u)
    {
        double rate = s.CorrectedRate;
        for (long i = 0; i < count; i++)
        {
            double gradient = g.Pointer[i];
            double mean = (double)s.Beta1 * m.Pointer[i] + (1.0 - s.Beta1) * gradient;
            double largest = Math.Max((double)s.Beta2 * u.Pointer[i], Math.Abs(gradient));
            m.Pointer[i] = (float)mean;
            u.Pointer[i] = (float)largest;
            w.Pointer[i] = (float)(w.Pointer[i] - rate * mean / (largest + s.Epsilon));
        }
    }
}
