using System.Runtime.Intrinsics;

namespace Graft.Kernels;

internal sealed class CpuSgdStepKernels : SgdStepKernels
{
    public override void Step(in SgdStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> v)
    {
        if (s.Momentum == 0)
            StepLoop<Plain>.Run(new Plain(s.Rate), count, w, g);
        else
            StepLoop<WithMomentum>.Run(new WithMomentum(s.Rate, s.Momentum, s.Nesterov), count, w, g, v);
    }

    private readonly struct Plain(float rate) : IStepFormula
    {
        public void Apply(ref Vector512<float> w, Vector512<float> g, ref Vector512<float> a, ref Vector512<float> b, ref Vector512<float> c) =>
            w -= Vector512.Create(rate) * g;
    }

    private readonly struct WithMomentum(float rate, float momentum, bool nesterov) : IStepFormula
    {
        public void Apply(ref Vector512<float> w, Vector512<float> g, ref Vector512<float> v, ref Vector512<float> b, ref Vector512<float> c)
        {
            Vector512<float> move = Vector512.Create(-rate) * g;
            v = Vector512.Create(momentum) * v + move;
            w += nesterov ? Vector512.Create(momentum) * v + move : v;
        }
    }
}
