using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Training;

/// <summary>Adam that looks ahead as Nesterov momentum does: Dozat 2016, with the momentum schedule of Keras 3.</summary>
/// <remarks>The product of the schedule's momenta, a variable in Keras, is worked out from the step counter; no slot holds it.</remarks>
/// <param name="learningRate">A number or a schedule; 0.001 by default.</param>
/// <param name="beta1">Decay of the mean gradient.</param>
/// <param name="beta2">Decay of the mean square.</param>
/// <param name="epsilon">Added to the corrected root.</param>
public sealed class Nadam(LearningRateSchedule? learningRate = null, float beta1 = 0.9f, float beta2 = 0.999f, float epsilon = 1e-7f)
    : Optimizer(learningRate ?? 0.001f)
{
    /// <inheritdoc/>
    public override string Name => "nadam";

    private protected override string[] SlotNames { get; } = ["momentum", "velocity"];

    private protected override void Move(KernelSet kernels, ReadOnlySpan<StepTensor> tensors, float rate) =>
        kernels.NadamStep.Step(new NadamStepSettings(rate, beta1, beta2, epsilon, Iterations + 1), tensors);

    internal override void WriteConfig(JsonObject config)
    {
        config["beta_1"] = beta1;
        config["beta_2"] = beta2;
        config["epsilon"] = epsilon;
    }
}
