using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaSgdStepKernels(CudaContext context) : SgdStepKernels
{
    private readonly KernelFunction _plain = new(context, "SgdStep.cu", "sgd_step"), _momentum = new(context, "SgdStep.cu", "momentum_step");

    public override void Step(in SgdStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        if (s.Momentum == 0)
            StepTable.Launch(context, _plain, tensors, s.Rate);
        else
            StepTable.Launch(context, _momentum, tensors, s.Rate, s.Momentum, s.Nesterov ? 1 : 0);
    }
}
