namespace Graft.Kernels;

internal sealed unsafe class ReferenceAdamStepKernels : AdamStepKernels
{
    public override void Step(in AdamStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> m, DevicePtr<float> v, DevicePtr<float> peak)
    {
        double rate = s.CorrectedRate;
        for (long i = 0; i < count; i++)
        {
            double gradient = g.Pointer[i];
            double mean = (double)s.Beta1 * m.Pointer[i] + (1.0 - s.Beta1) * gradient;
            double square = (double)s.Beta2 * v.Pointer[i] + (1.0 - s.Beta2) * gradient * gradient;
            m.Pointer[i] = (float)mean;
            v.Pointer[i] = (float)square;
            if (!peak.IsNull)
            {
                square = Math.Max(square, peak.Pointer[i]);
                peak.Pointer[i] = (float)square;
            }
            double weight = w.Pointer[i] * (1 - (double)s.Rate * s.WeightDecay);
            w.Pointer[i] = (float)(weight - rate * mean / (Math.Sqrt(square) + s.Epsilon));
        }
    }
}
