namespace Graft.Kernels;

internal sealed unsafe class ReferenceSgdStepKernels : SgdStepKernels
{
    public override void Step(in SgdStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        foreach (StepTensor t in tensors)
        {
            for (long i = 0; i < t.Count; i++)
            {
                double move = -(double)s.Rate * t.Gradient(i);
                if (s.Momentum != 0)
                {
                    double velocity = (double)s.Momentum * t.A.Pointer[i] + move;
                    t.A.Pointer[i] = (float)velocity;
                    move = s.Nesterov ? s.Momentum * velocity + move : velocity;
                }
                t.W.Pointer[i] = (float)(t.W.Pointer[i] + move);
            }
        }
    }
}
