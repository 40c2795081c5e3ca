namespace Graft.Kernels;

internal sealed unsafe class ReferenceAdagradStepKernels : AdagradStepKernels
{
    public override void Step(in AdagradStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        foreach (StepTensor t in tensors)
        {
            for (long i = 0; i < t.Count; i++)
            {
                double gradient = t.Gradient(i), sum = t.A.Pointer[i] + gradient * gradient;
                t.A.Pointer[i] = (float)sum;
                t.W.Pointer[i] = (float)(t.W.Pointer[i] - s.Rate * gradient / (Math.Sqrt(sum + s.Epsilon) + s.OuterEpsilon));
            }
        }
    }
}
