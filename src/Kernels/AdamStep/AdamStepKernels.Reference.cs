namespace Graft.Kernels;

internal sealed unsafe class ReferenceAdamStepKernels : AdamStepKernels
{
    public override void Step(in AdamStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        double rate = s.CorrectedRate;
        foreach (StepTensor t in tensors)
        {
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
                double weight = t.W.Pointer[i] * (1 - (double)s.Rate * s.WeightDecay);
                t.W.Pointer[i] = (float)(weight - rate * mean / (Math.Sqrt(square) + s.Epsilon));
            }
        }
    }
}
