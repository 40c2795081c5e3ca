using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuAdagradStepKernels : AdagradStepKernels
{
    public override void Step(in AdagradStepSettings s, long count, DevicePtr<float> w, DevicePtr<float> g, DevicePtr<float> a) =>
        StepLoop<Formula>.Run(new Formula(s), count, w, g, a);

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
