namespace Graft.Kernels;

internal sealed unsafe class ReferenceNadamStepKernels : NadamStepKernels
{
    public override void Step(in NadamStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        double meanShare = s.MeanShare, gradientShare = s.GradientShare, correction = s.SquareCorrection;
        foreach (StepTensor t in tensors)
        {
            for (long i = 0; i < t.Count; i++)
            {
                double gradient = t.Gradient(i);
                double mean = (double)s.Beta1 * t.A.Pointer[i] + (1.0 - s.Beta1) * gradient;
                double square = (double)s.Beta2 * t.B.Pointer[i] + (1.0 - s.Beta2) * gradient * gradient;
                t.A.Pointer[i] = (float)mean;
                t.B.Pointer[i] = (float)square;
                double move = (meanShare * mean + gradientShare * gradient) / (Math.Sqrt(square * correction) + s.Epsilon);
                t.W.Pointer[i] = (float)(t.W.Pointer[i] - s.Rate * move);
            }
        }
    }
}
