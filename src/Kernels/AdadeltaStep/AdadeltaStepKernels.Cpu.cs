using System.Runtime.Intrinsics;

namespace Graft.Kernels;

internal sealed class CpuAdadeltaStepKernels : AdadeltaStepKernels
{
    public override void Step(in AdadeltaStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> a, DevicePtr<float> d) =>
        StepLoop<Formula>.Run(new Formula(s), count, w, g, a, d);

    private readonly struct Formula(AdadeltaStepSettings s) : IStepFormula
    {
        public void Apply(ref Vector512<float> w, Vector512<float> g, ref Vector512<float> a, ref Vector512<float> d, ref Vector512<float> c)
        {
            Vector512<float> rho = Vector512.Create(s.Rho), rest = Vector512.Create(1 - s.Rho), epsilon = Vector512.Create(s.Epsilon);
            a = rho * a + rest * g * g;
            Vector512<float> move = Vector512.Sqrt(d + epsilon) / Vector512.Sqrt(a + epsilon) * g;
            d = rho * d + rest * move * move;
            w -= Vector512.Create(s.Rate) * move;
        }
    }
}
