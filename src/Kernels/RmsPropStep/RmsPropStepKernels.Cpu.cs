using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuRmsPropStepKernels : RmsPropStepKernels
{
    public override void Step(in RmsPropStepSettings s, ReadOnlySpan<StepTensor> tensors) =>
        StepLoop.Run(new Rule(s, tensors is [{ B.IsNull: false }, ..], tensors is [{ C.IsNull: false }, ..]), tensors);

    private readonly struct Rule(RmsPropStepSettings s, bool hasMomentum, bool centered) : IStepRule
    {
        public void Run<V>(StepLoop loop)
            where V : unmanaged, ILanes<V>
        {
            switch (hasMomentum, centered)
            {
                case (false, false): loop.Move<Formula<V, No, No>, V>(new Formula<V, No, No>(s)); break;
                case (true, false): loop.Move<Formula<V, Yes, No>, V>(new Formula<V, Yes, No>(s)); break;
                case (false, true): loop.Move<Formula<V, No, Yes>, V>(new Formula<V, No, Yes>(s)); break;
                case (true, true): loop.Move<Formula<V, Yes, Yes>, V>(new Formula<V, Yes, Yes>(s)); break;
            }
        }
    }

    private readonly struct Formula<V, TMomentum, TCentered>(RmsPropStepSettings s) : IStepFormula<V>
        where V : unmanaged, ILanes<V>
        where TMomentum : IFlag
        where TCentered : IFlag
    {
        private readonly V _rho = V.Create(s.Rho), _rest = V.Create(1 - s.Rho), _rate = V.Create(s.Rate), _momentum = V.Create(s.Momentum);
        private readonly V _epsilon = V.Create(s.Epsilon), _outerEpsilon = V.Create(s.OuterEpsilon);

        public static bool HasA => true;

        public static bool HasB => TMomentum.IsSet;

        public static bool HasC => TCentered.IsSet;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref V w, V g, ref V v, ref V m, ref V mean)
        {
            v = _rho * v + _rest * g * g;
            V square = v;
            if (TCentered.IsSet)
            {
                mean = _rho * mean + _rest * g;
                square -= mean * mean;
            }
            V move = _rate * g / (V.Sqrt(square + _epsilon) + _outerEpsilon);
            if (TMomentum.IsSet)
                move = m = _momentum * m + move;
            w -= move;
        }
    }
}
