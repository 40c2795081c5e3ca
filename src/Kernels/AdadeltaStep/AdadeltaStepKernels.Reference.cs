namespace Graft.Kernels;

internal sealed unsafe class ReferenceAdadeltaStepKernels : AdadeltaStepKernels
{
    public override void Step(in AdadeltaStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        foreach (StepTensor t in tensors)
        {
            for (long i = 0; i < t.Count; i++)
            {
                double gradient = t.Gradient(i), last = t.B.Pointer[i];
                double square = (double)s.Rho * t.A.Pointer[i] + (1.0 - s.Rho) * gradient * gradient;
                double move = Math.Sqrt(last + s.Epsilon) / Math.Sqrt(square + s.Epsilon) * gradient;
                t.A.Pointer[i] = (float)square;
                t.B.Pointer[i] = (float)(s.Rho * last + (1.0 - s.Rho) * move * move);
                t.W.Pointer[i] = (float)(t.W.Pointer[i] - s.Rate * move);
            }
        }
    }
}
