using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuAdamaxStepKernels : AdamaxStepKernels
{
    public override void Step(in AdamaxStepSettings s, ReadOnlySpan<StepTensor> tensors) => StepLoop.Run(new Rule(s), tensors);

    private readonly struct Rule(AdamaxStepSettings s) : IStepRule
    {
        public void Run<V>(StepLoop loop)
            where V : unmanaged, ILanes<V> => loop.Move<Formula<V>, V>(new Formula<V>(s));
    }

    private readonly struct Formula<V>(AdamaxStepSettings s) : IStepFormula<V>
        where V : unmanaged, ILanes<V>
    {
        private readonly V _meanShare = V.Create(1 - s.Beta1), _beta2 = V.Create(s.Beta2), _rate = V.Create((float)s.CorrectedRate), _epsilon = V.Create(s.Epsilon);

        public static bool HasA => true;

        public static bool HasB => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref V w, V g, ref V m, ref V u, ref V c)
        {
            m += (g - m) * _meanShare; // beta1 m + (1 - beta1) g
            u = V.Max(_beta2 * u, V.Abs(g));
            w -= _rate * m / (u + _epsilon);
        }
    }
}
