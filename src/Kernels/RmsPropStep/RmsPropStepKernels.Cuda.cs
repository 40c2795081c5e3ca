using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaRmsPropStepKernels(CudaContext context) : RmsPropStepKernels
{
    private readonly KernelFunction _step = new(context, "RmsPropStep.cu", "rmsprop_step");

    public override void Step(in RmsPropStepSettings s, ReadOnlySpan<StepTensor> tensors) =>
        StepTable.Launch(context, _step, tensors, s.Rate, s.Rho, s.Momentum, s.Epsilon, s.OuterEpsilon);
}
