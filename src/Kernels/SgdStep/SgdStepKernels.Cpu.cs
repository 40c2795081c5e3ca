using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuSgdStepKernels : SgdStepKernels
{
    public override void Step(in SgdStepSettings s, ReadOnlySpan<StepTensor> tensors) => StepLoop.Run(new Rule(s), tensors);

    private readonly struct Rule(SgdStepSettings s) : IStepRule
    {
        public void Run<V>(StepLoop loop)
            where V : unmanaged, ILanes<V>
        {
            if (s.Momentum == 0)
                loop.Move<Plain<V>, V>(new Plain<V>(s));
            else if (s.Nesterov)
                loop.Move<WithMomentum<V, Yes>, V>(new WithMomentum<V, Yes>(s));
            else
                loop.Move<WithMomentum<V, No>, V>(new WithMomentum<V, No>(s));
        }
    }

    private readonly struct Plain<V>(SgdStepSettings s) : IStepFormula<V>
        where V : unmanaged, ILanes<V>
    {
        private readonly V _rate = V.Create(s.Rate);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref V w, V g, ref V a, ref V b, ref V c) => w -= _rate * g;
    }

    private readonly struct WithMomentum<V, TNesterov>(SgdStepSettings s) : IStepFormula<V>
        where V : unmanaged, ILanes<V>
        where TNesterov : IFlag
    {
        private readonly V _minusRate = V.Create(-s.Rate), _momentum = V.Create(s.Momentum);

        public static bool HasA => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref V w, V g, ref V v, ref V b, ref V c)
        {
            V move = _minusRate * g;
            v = _momentum * v + move;
            w += TNesterov.IsSet ? _momentum * v + move : v;
        }
    }
}
