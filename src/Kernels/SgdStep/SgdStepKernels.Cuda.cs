using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaSgdStepKernels(CudaContext context) : SgdStepKernels
{
    private readonly KernelFunction _step = new(context, "SgdStep.cu", "sgd_step");

    public override void Step(in SgdStepSettings s, ReadOnlySpan<StepTensor> tensors) =>
        StepTable.Launch(context, _step, tensors, s.Rate, s.Momentum, s.Nesterov ? 1 : 0);
}
