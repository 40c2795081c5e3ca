using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaAdamStepKernels(CudaContext context) : AdamStepKernels
{
    private readonly KernelFunction _step = new(context, "AdamStep.cu", "adam_step");

    /// <summary>One launch also where some tensors do not decay: the step is done or it is not.</summary>
    public override void Step(in AdamStepSettings s, ReadOnlySpan<StepTensor> tensors)
    {
        int decayed = StepTable.Entries(tensors[..Math.Min(s.Decayed, tensors.Length)], out _).Length;
        StepTable.Launch(context, _step, tensors, (float)s.CorrectedRate, 1 - s.Rate * s.WeightDecay, decayed, s.Beta1, s.Beta2, s.Epsilon);
    }
}
