using System.Runtime.Intrinsics;

namespace Graft.Kernels;

internal sealed class CpuAdamaxStepKernels : AdamaxStepKernels
{
    public override void Step(in AdamaxStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> m, DevicePtr<float> u) =>
        StepLoop<Formula>.Run(new Formula(s, (float)s.CorrectedRate), count, w, g, m, u);

    private readonly struct Formula(AdamaxStepSettings s, float rate) : IStepFormula
    {
        public void Apply(ref Vector512<float> w, Vector512<float> g, ref Vector512<float> m, ref Vector512<float> u, ref Vector512<float> c)
        {
            m += (g - m) * Vector512.Create(1 - s.Beta1); // beta1 m + (1 - beta1) g
            u = Vector512.Max(Vector512.Create(s.Beta2) * u, Vector512.Abs(g));
            w -= Vector512.Create(rate) * m / (u + Vector512.Create(s.Epsilon));
        }
    }
}
