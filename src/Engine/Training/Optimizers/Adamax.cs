using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Training;

/// <summary>Adam with the largest magnitude so far in place of the mean square: Kingma and Ba 2015, arXiv:1412.6980, section 7.1, as Keras has it.</summary>
/// <param name="learningRate">A number or a schedule; 0.001 by default.</param>
/// <param name="beta1">Decay of the mean gradient.</param>
/// <param name="beta2">Decay of the largest magnitude.</param>
/// <param name="epsilon">Added to the largest magnitude.</param>
public sealed class Adamax(LearningRateSchedule? learningRate = null, float beta1 = 0.9f, float beta2 = 0.999f, float epsilon = 1e-7f)
    : Optimizer(learningRate ?? 0.001f)
{
    /// <inheritdoc/>
    public override string Name => "adamax";

    private protected override string[] SlotNames { get; } = ["momentum", "norm"];

    private protected override void Move(KernelSet kernels, ReadOnlySpan<StepTensor> tensors, float rate) =>
        kernels.AdamaxStep.Step(new AdamaxStepSettings(rate, beta1, beta2, epsilon, Iterations + 1), tensors);

    internal override void WriteConfig(JsonObject config)
    {
        config["beta_1"] = beta1;
        config["beta_2"] = beta2;
        config["epsilon"] = epsilon;
    }
}
