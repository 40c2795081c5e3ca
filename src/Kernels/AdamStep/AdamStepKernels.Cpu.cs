using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuAdamStepKernels : AdamStepKernels
{
    public override void Step(in AdamStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        int decayed = Math.Min(s.Decayed, tensors.Length);
        Run(s, tensors[..decayed]);
        Run(s with { WeightDecay = 0 }, tensors[decayed..]);
    }

    private static void Run(in AdamStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        if (!tensors.IsEmpty)
            StepLoop<Formula>.Run(new Formula(s, (float)s.CorrectedRate, tensors is [{ C.IsNull: false }, ..]), tensors);
    }

    private readonly struct Formula(AdamStepSettings s, float rate, bool hasPeak) : IStepFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(ref V w, V g, ref V m, ref V v, ref V peak)
            where V : unmanaged, ILanes<V>
        {
            m += (g - m) * V.Create(1 - s.Beta1); // beta1 m + (1 - beta1) g
            v += (g * g - v) * V.Create(1 - s.Beta2);
            V square = v;
            if (hasPeak)
                square = peak = V.Max(peak, v);
            w *= V.Create(1 - s.Rate * s.WeightDecay);
            w -= V.Create(rate) * m / (V.Sqrt(square) + V.Create(s.Epsilon));
        }
    }
}
