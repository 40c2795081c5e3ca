namespace Graft.Kernels;

internal sealed unsafe class ReferenceAdamaxStepKernels : AdamaxStepKernels
{
    public override void Step(in AdamaxStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        double rate = s.CorrectedRate;
        foreach (StepTensor t in tensors)
        {
            for (long i = 0; i < t.Count; i++)
            {
                double gradient = t.Gradient(i);
                double mean = (double)s.Beta1 * t.A.Pointer[i] + (1.0 - s.Beta1) * gradient;
                double largest = Math.Max((double)s.Beta2 * t.B.Pointer[i], Math.Abs(gradient));
                t.A.Pointer[i] = (float)mean;
                t.B.Pointer[i] = (float)largest;
                t.W.Pointer[i] = (float)(t.W.Pointer[i] - rate * mean / (largest + s.Epsilon));
            }
        }
    }
}
