using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuRmsPropStepKernels : RmsPropStepKernels
{
    public override void Step(in RmsPropStepSettings s, ReadOnlySpan<StepTensor> tensors) =>
        StepLoop<Formula>.Run(new Formula(s, tensors is [{ B.IsNull: false }, ..], tensors is [{ C.IsNull: false }, ..]), tensors);

    private readonly struct Formula(RmsPropStepSettings s, bool hasMomentum, bool centered) : IStepFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(ref V w, V g, ref V v, ref V m, ref V mean)
            where V : unmanaged, ILanes<V>
        {
            V rho = V.Create(s.Rho), rest = V.Create(1 - s.Rho);
            v = rho * v + rest * g * g;
            V square = v;
            if (centered)
            {
                mean = rho * mean + rest * g;
                square -= mean * mean;
            }
            V move = V.Create(s.Rate) * g / (V.Sqrt(square + V.Create(s.Epsilon)) + V.Create(s.OuterEpsilon));
            if (hasMomentum)
                move = m = V.Create(s.Momentum) * m + move;
            w -= move;
        }
    }
}
