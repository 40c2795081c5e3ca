namespace Graft.Kernels;

internal sealed unsafe class ReferenceNadamStepKernels : NadamStepKernels
{
    public override void Step(in NadamStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> m, DevicePtr<float> v)
    {
        double meanShare = s.MeanShare, gradientShare = s.GradientShare, correction = s.SquareCorrection;
        for (long i = 0; i < count; i++)
        {
            double gradient = g.Pointer[i];
            double mean = (double)s.Beta1 * m.Pointer[i] + (1.0 - s.Beta1) * gradient;
            double square = (double)s.Beta2 * v.Pointer[i] + (1.0 - s.Beta2) * gradient * gradient;
            m.Pointer[i] = (float)mean;
            v.Pointer[i] = (float)square;
            double move = (meanShare * mean + gradientShare * gradient) / (Math.Sqrt(square * correction) + s.Epsilon);
            w.Pointer[i] = (float)(w.Pointer[i] - s.Rate * move);
        }
    }
}
