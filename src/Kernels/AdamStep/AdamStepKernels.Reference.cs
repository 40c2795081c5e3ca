namespace Graft.Kernels;

internal sealed unsafe class ReferenceAdamStepKernels : AdamStepKernels
{
    public override void Step(in AdamStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        double rate = s.CorrectedRate;
        for (int tensor = 0; tensor < tensors.Length; tensor++)
        {
            StepTensor t = tensors[tensor];
            double decay = tensor < s.Decayed ? (double)s.Rate * s.WeightDecay : 0;
            for (long i = 0; i < t.Count; i++)
            {
                double gradient = t.Gradient(i);
                double mean = (double)s.Beta1 * t.A.Pointer[i] + (1.0 - s.Beta1) * gradient;
                double square = (double)s.Beta2 * t.B.Pointer[i] + (1.0 - s.Beta2) * gradient * gradient;
                t.A.Pointer[i] = (float)mean;
                t.B.Pointer[i] = (float)square;
                if (!t.C.IsNull)
                {
                    square = Math.Max(square, t.C.Pointer[i]);
                    t.C.Pointer[i] = (float)square;
                }
                double weight = t.W.Pointer[i] * (1 - decay);
                t.W.Pointer[i] = (float)(weight - rate * mean / (Math.Sqrt(square) + s.Epsilon));
            }
        }
    }
}
