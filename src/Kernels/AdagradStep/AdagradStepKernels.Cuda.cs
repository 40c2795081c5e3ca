using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaAdagradStepKernels(CudaContext context) : AdagradStepKernels
{
    private readonly KernelFunction _step = new(context, "AdagradStep.cu", "adagrad_step");

    public override void Step(in AdagradStepSettings s, ReadOnlySpan<StepTensor> tensors) =>
        StepTable.Launch(context, _step, tensors, s.Rate, s.Epsilon, s.OuterEpsilon);
}
