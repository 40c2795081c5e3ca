using System.Runtime.Intrinsics;

namespace Graft.Kernels;

internal sealed class CpuNadamStepKernels : NadamStepKernels
{
    public override void Step(in NadamStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> m, DevicePtr<float> v)
    {
        // The three factors are the same for all weights: worked out once, in double.
        var formula = new Formula(s, (float)s.MeanShare, (float)s.GradientShare, (float)s.SquareCorrection);
        StepLoop<Formula>.Run(formula, count, w, g, m, v);
    }

    private readonly struct Formula(NadamStepSettings s, float meanShare, float gradientShare, float correction) : IStepFormula
    {
        public void Apply(ref Vector512<float> w, Vector512<float> g, ref Vector512<float> m, ref Vector512<float> v, ref Vector512<float> c)
        {
            m += (g - m) * Vector512.Create(1 - s.Beta1); // beta1 m + (1 - beta1) g
            v += (g * g - v) * Vector512.Create(1 - s.Beta2);
            Vector512<float> root = Vector512.Sqrt(v * Vector512.Create(correction)) + Vector512.Create(s.Epsilon);
            w -= Vector512.Create(s.Rate) * (Vector512.Create(meanShare) * m + Vector512.Create(gradientShare) * g) / root;
        }
    }
}
