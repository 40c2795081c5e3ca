using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuAdadeltaStepKernels : AdadeltaStepKernels
{
    public override void Step(in AdadeltaStepSettings s, ReadOnlySpan<StepTensor> tensors) =>
        StepLoop<Formula>.Run(new Formula(s), tensors);

    private readonly struct Formula(AdadeltaStepSettings s) : IStepFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(ref V w, V g, ref V a, ref V d, ref V c)
            where V : unmanaged, ILanes<V>
        {
            V rho = V.Create(s.Rho), rest = V.Create(1 - s.Rho), epsilon = V.Create(s.Epsilon);
            a = rho * a + rest * g * g;
            V move = V.Sqrt(d + epsilon) / V.Sqrt(a + epsilon) * g;
            d = rho * d + rest * move * move;
            w -= V.Create(s.Rate) * move;
        }
    }
}
