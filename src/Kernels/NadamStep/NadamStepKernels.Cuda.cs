using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaNadamStepKernels(CudaContext context) : NadamStepKernels
{
    private readonly KernelFunction _step = new(context, "NadamStep.cu", "nadam_step");

    public override void Step(in NadamStepSettings s, ReadOnlySpan<StepTensor> tensors) =>
        StepTable.Launch(context, _step, tensors, s.Rate, s.Beta1, s.Beta2, s.Epsilon, (float)s.MeanShare, (float)s.GradientShare, (float)s.SquareCorrection);
}
