using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuSgdStepKernels : SgdStepKernels
{
    public override void Step(in SgdStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        if (s.Momentum == 0)
            StepLoop<Plain>.Run(new Plain(s.Rate), tensors);
        else
            StepLoop<WithMomentum>.Run(new WithMomentum(s.Rate, s.Momentum, s.Nesterov), tensors);
    }

    private readonly struct Plain(float rate) : IStepFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(ref V w, V g, ref V a, ref V b, ref V c)
            where V : unmanaged, ILanes<V> =>
            w -= V.Create(rate) * g;
    }

    private readonly struct WithMomentum(float rate, float momentum, bool nesterov) : IStepFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(ref V w, V g, ref V v, ref V b, ref V c)
            where V : unmanaged, ILanes<V>
        {
            V move = V.Create(-rate) * g;
            v = V.Create(momentum) * v + move;
            w += nesterov ? V.Create(momentum) * v + move : v;
        }
    }
}
