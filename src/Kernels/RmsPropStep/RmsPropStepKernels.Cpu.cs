using System.Runtime.Intrinsics;

namespace Graft.Kernels;

internal sealed class CpuRmsPropStepKernels : RmsPropStepKernels
{
    public override void Step(in RmsPropStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> v, DevicePtr<float> m, DevicePtr<float> mean) =>
        StepLoop<Formula>.Run(new Formula(s, !m.IsNull, !mean.IsNull), count, w, g, v, m, mean);

    private readonly struct Formula(RmsPropStepSettings s, bool hasMomentum, bool centered) : IStepFormula
    {
        public void Apply(ref Vector512<float> w, Vector512<float> g, ref Vector512<float> v, ref Vector512<float> m, ref Vector512<float> mean)
        {
            Vector512<float> rho = Vector512.Create(s.Rho), rest = Vector512.Create(1 - s.Rho);
            v = rho * v + rest * g * g;
            Vector512<float> square = v;
            if (centered)
            {
                mean = rho * mean + rest * g;
                square -= mean * mean;
            }
            Vector512<float> move = Vector512.Create(s.Rate) * g / (Vector512.Sqrt(square + Vector512.Create(s.Epsilon)) + Vector512.Create(s.OuterEpsilon));
            if (hasMomentum)
                move = m = Vector512.Create(s.Momentum) * m + move;
            w -= move;
        }
    }
}
