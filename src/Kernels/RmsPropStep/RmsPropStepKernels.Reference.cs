namespace Graft.Kernels;

internal sealed unsafe class ReferenceRmsPropStepKernels : RmsPropStepKernels
{
    public override void Step(in RmsPropStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        foreach (StepTensor t in tensors)
        {
            for (long i = 0; i < t.Count; i++)
            {
                double gradient = t.Gradient(i);
                double square = (double)s.Rho * t.A.Pointer[i] + (1.0 - s.Rho) * gradient * gradient;
                t.A.Pointer[i] = (float)square;
                if (!t.C.IsNull)
                {
                    double average = (double)s.Rho * t.C.Pointer[i] + (1.0 - s.Rho) * gradient;
                    t.C.Pointer[i] = (float)average;
                    square -= average * average;
                }
                double move = s.Rate * gradient / (Math.Sqrt(square + s.Epsilon) + s.OuterEpsilon);
                if (!t.B.IsNull)
                {
                    move += (double)s.Momentum * t.B.Pointer[i];
                    t.B.Pointer[i] = (float)move;
                }
                t.W.Pointer[i] = (float)(t.W.Pointer[i] - move);
            }
        }
    }
}
