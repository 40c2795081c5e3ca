using System.Runtime.Intrinsics;

namespace Graft.Kernels;

internal sealed class CpuAdamStepKernels : AdamStepKernels
{
    public override void Step(in AdamStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> m, DevicePtr<float> v, DevicePtr<float> peak) =>
        StepLoop<Formula>.Run(new Formula(s, (float)s.CorrectedRate, !peak.IsNull), count, w, g, m, v, peak);

    private readonly struct Formula(AdamStepSettings s, float rate, bool hasPeak) : IStepFormula
    {
        public void Apply(ref Vector512<float> w, Vector512<float> g, ref Vector512<float> m, ref Vector512<float> v, ref Vector512<float> peak)
        {
            m += (g - m) * Vector512.Create(1 - s.Beta1); // beta1 m + (1 - beta1) g
            v += (g * g - v) * Vector512.Create(1 - s.Beta2);
            Vector512<float> square = v;
            if (hasPeak)
                square = peak = Vector512.Max(peak, v);
            w *= Vector512.Create(1 - s.Rate * s.WeightDecay);
            w -= Vector512.Create(rate) * m / (Vector512.Sqrt(square) + Vector512.Create(s.Epsilon));
        }
    }
}
