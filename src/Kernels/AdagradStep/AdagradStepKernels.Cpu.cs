using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuAdagradStepKernels : AdagradStepKernels
{
    public override void Step(in AdagradStepSettings s, ReadOnlySpan<StepTensor> tensors) =>
        StepLoop<Formula>.Run(new Formula(s), tensors);

    private readonly struct Formula(AdagradStepSettings s) : IStepFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(ref V w, V g, ref V a, ref V b, ref V c)
            where V : unmanaged, ILanes<V>
        {
            a += g * g;
            w -= V.Create(s.Rate) * g / (V.Sqrt(a + V.Create(s.Epsilon)) + V.Create(s.OuterEpsilon));
        }
    }
}
