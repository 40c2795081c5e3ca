using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaAdadeltaStepKernels(CudaContext context) : AdadeltaStepKernels
{
    private readonly KernelFunction _step = new(context, "AdadeltaStep.cu", "adadelta_step");

    public override void Step(in AdadeltaStepSettings s, ReadOnlySpan<StepTensor> tensors) =>
        StepTable.Launch(context, _step, tensors, s.Rate, s.Rho, s.Epsilon);
}
