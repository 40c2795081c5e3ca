using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuNadamStepKernels : NadamStepKernels
{
    public override void Step(in NadamStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        // The three factors are the same for all weights: worked out once, in double.
        var formula = new Formula(s, (float)s.MeanShare, (float)s.GradientShare, (float)s.SquareCorrection);
        StepLoop<Formula>.Run(formula, tensors);
    }

    private readonly struct Formula(NadamStepSettings s, float meanShare, float gradientShare, float correction) : IStepFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(ref V w, V g, ref V m, ref V v, ref V c)
            where V : unmanaged, ILanes<V>
        {
            m += (g - m) * V.Create(1 - s.Beta1); // beta1 m + (1 - beta1) g
            v += (g * g - v) * V.Create(1 - s.Beta2);
            V root = V.Sqrt(v * V.Create(correction)) + V.Create(s.Epsilon);
            w -= V.Create(s.Rate) * (V.Create(meanShare) * m + V.Create(gradientShare) * g) / root;
        }
    }
}
