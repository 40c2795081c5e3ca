using System.Runtime.Intrinsics;

namespace Graft.Kernels;

internal sealed class CpuAdagradStepKernels : AdagradStepKernels
{
    public override void Step(in AdagradStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> a) =>
        StepLoop<Formula>.Run(new Formula(s), count, w, g, a);

    private readonly struct Formula(AdagradStepSettings s) : IStepFormula
    {
        public void Apply(ref Vector512<float> w, Vector512<float> g, ref Vector512<float> a, ref Vector512<float> b, ref Vector512<float> c)
        {
            a += g * g;
            w -= Vector512.Create(s.Rate) * g / (Vector512.Sqrt(a + Vector512.Create(s.Epsilon)) + Vector512.Create(s.OuterEpsilon));
        }
    }
}
