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
            StepLoop.Run(new Rule(s, hasPeak: tensors is [{ C.IsNull: false }, ..]), tensors);
    }

    private readonly struct Rule(AdamStepSettings s, bool hasPeak) : IStepRule
    {
        public void Run<V>(StepLoop loop)
            where V : unmanaged, ILanes<V>
        {
            if (hasPeak)
                loop.Move<Formula<V, Yes>, V>(new Formula<V, Yes>(s));
            else
                loop.Move<Formula<V, No>, V>(new Formula<V, No>(s));
        }
    }

    private readonly struct Formula<V, TPeak>(AdamStepSettings s) : IStepFormula<V>
        where V : unmanaged, ILanes<V>
        where TPeak : IFlag
    {
        private readonly V _meanShare = V.Create(1 - s.Beta1), _squareShare = V.Create(1 - s.Beta2), _decay = V.Create(1 - s.Rate * s.WeightDecay);
        private readonly V _rate = V.Create((float)s.CorrectedRate), _epsilon = V.Create(s.Epsilon);

        public static bool HasA => true;

        public static bool HasB => true;

        public static bool HasC => TPeak.IsSet;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply(ref V w, V g, ref V m, ref V v, ref V peak)
        {
            m += (g - m) * _meanShare; // beta1 m + (1 - beta1) g
            v += (g * g - v) * _squareShare;
            V square = v;
            if (TPeak.IsSet)
                square = peak = V.Max(peak, v);
            w *= _decay;
            w -= _rate * m / (V.Sqrt(square) + _epsilon);
        }
    }
}
