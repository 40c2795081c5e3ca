using System.Runtime.CompilerServices;
using Graft.Kernels.Cpu;

namespace Graft.Kernels;

internal sealed class CpuNadamStepKernels : NadamStepKernels
{
    public override void Step(in NadamStepSettings s, ReadOnlySpan<StepTensor> tensors) => StepLoop.Run(new Rule(s), tensors);

    private readonly struct Rule(NadamStepSettings s) : IStepRule
    {
        public void Run<V>(StepLoop loop)
            where V : unmanaged, ILanes<V> => loop.Move<Formula<V>, V>(new Formula<V>(s));
    }

    private readonly struct Formula<V>(NadamStepSettings s) : IStepFormula<V>
        where V : unmanaged, ILanes<V>
    {
        private readonly V _firstShare = V.Create(1 - s.Beta1), _squareShare = V.Create(1 - s.Beta2), _rate = V.Create(s.Rate), _epsilon = V.Create(s.Epsilon);
        private readonly V _meanShare = V.Create((float)s.MeanShare), _gradientShare = V.Create((float)s.GradientShare), _correction = V.Create((float)s.SquareCorrection);

        public static bool HasA => true;

        public static bool HasB => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref V w, V g, ref V m, ref V v, ref V c)
        {
            m += (g - m) * _firstShare; // beta1 m + (1 - beta1) g
            v += (g * g - v) * _squareShare;
            w -= _rate * (_meanShare * m + _gradientShare * g) / (V.Sqrt(v * _correction) + _epsilon);
        }
    }
}
