using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuAdadeltaStepKernels : AdadeltaStepKernels
{
    public override void Step(in AdadeltaStepSettings s, ReadOnlySpan<StepTensor> tensors) => StepLoop.Run(new Rule(s), tensors);

    private readonly struct Rule(AdadeltaStepSettings s) : IStepRule
    {
        public void Run<V>(StepLoop loop)
            where V : unmanaged, ILanes<V> => loop.Move<Formula<V>, V>(new Formula<V>(s));
    }

    private readonly struct Formula<V>(AdadeltaStepSettings s) : IStepFormula<V>
        where V : unmanaged, ILanes<V>
    {
        private readonly V _rho = V.Create(s.Rho), _rest = V.Create(1 - s.Rho), _epsilon = V.Create(s.Epsilon), _rate = V.Create(s.Rate);

        public static bool HasA => true;

        public static bool HasB => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref V w, V g, ref V a, ref V d, ref V c)
        {
            a = _rho * a + _rest * g * g;
            V move = V.Sqrt(d + _epsilon) / V.Sqrt(a + _epsilon) * g;
            d = _rho * d + _rest * move * move;
            w -= _rate * move;
        }
    }
}
