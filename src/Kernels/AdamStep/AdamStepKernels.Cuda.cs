using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaAdamStepKernels(CudaContext context) : AdamStepKernels
{
    private readonly KernelFunction _step = new(context, "AdamStep.cu", "adam_step");

    public override void Step(in AdamStepSettings s, ReadOnlySpan<StepTensor> tensors) =>
        StepTable.Launch(context, _step, tensors, (float)s.CorrectedRate, 1 - s.Rate * s.WeightDecay, s.Beta1, s.Beta2, s.Epsilon);
}
