using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuAdagradStepKernels : AdagradStepKernels
{
    public override void Step(in AdagradStepSettings s, ReadOnlySpan<StepTensor> tensors) => StepLoop.Run(new Rule(s), tensors);

    private readonly struct Rule(AdagradStepSettings s) : IStepRule
    {
        public void Run<V>(StepLoop loop)
            where V : unmanaged, ILanes<V> => loop.Move<Formula<V>, V>(new Formula<V>(s));
    }

    private readonly struct Formula<V>(AdagradStepSettings s) : IStepFormula<V>
        where V : unmanaged, ILanes<V>
    {
        private readonly V _rate = V.Create(s.Rate), _epsilon = V.Create(s.Epsilon), _outerEpsilon = V.Create(s.OuterEpsilon);

        public static bool HasA => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref V w, V g, ref V a, ref V b, ref V c)
        {
            a += g * g;
            w -= _rate * g / (V.Sqrt(a + _epsilon) + _outerEpsilon);
        }
    }
}
