using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaAdamaxStepKernels(CudaContext context) : AdamaxStepKernels
{
    private readonly KernelFunction _step = new(context, "AdamaxStep.cu", "adamax_step");

    public override void Step(in AdamaxStepSettings s, ReadOnlySpan<StepTensor> tensors) =>
        StepTable.Launch(context, _step, tensors, (float)s.CorrectedRate, s.Beta1, s.Beta2, s.Epsilon);
}
