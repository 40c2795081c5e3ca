using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuAdamaxStepKernels : AdamaxStepKernels
{
    public override void Step(in AdamaxStepSettings s, ReadOnlySpan<StepTensor> tensors) =>
        StepLoop<Formula>.Run(new Formula(s, (float)s.CorrectedRate), tensors);

    private readonly struct Formula(AdamaxStepSettings s, float rate) : IStepFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(ref V w, V g, ref V m, ref V u, ref V c)
            where V : unmanaged, ILanes<V>
        {
            m += (g - m) * V.Create(1 - s.Beta1); // beta1 m + (1 - beta1) g
            u = V.Max(V.Create(s.Beta2) * u, V.Abs(g));
            w -= V.Create(rate) * m / (u + V.Create(s.Epsilon));
        }
    }
}
