using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Training;

/// <summary>Gradients times the root mean square of earlier moves over their own: Zeiler 2012, arXiv:1212.5701, as Keras 3 has it.</summary>
/// <param name="learningRate">A number or a schedule; 0.001 by default, as in Keras. The paper has 1.</param>
/// <param name="rho">Decay of both mean squares.</param>
/// <param name="epsilon">Added inside both roots; it sets the size of the first moves.</param>
public sealed class Adadelta(LearningRateSchedule? learningRate = null, float rho = 0.95f, float epsilon = 1e-7f) : Optimizer(learningRate ?? 0.001f)
{
    /// <inheritdoc/>
    public override string Name => "adadelta";

    private protected override string[] SlotNames { get; } = ["accumulated_grad", "accumulated_delta_var"];

    private protected override void Move(KernelSet kernels, ReadOnlySpan<StepTensor> tensors, float rate) =>
        kernels.AdadeltaStep.Step(new AdadeltaStepSettings(rate, rho, epsilon), tensors);

    internal override void WriteConfig(JsonObject config)
    {
        config["rho"] = rho;
        config["epsilon"] = epsilon;
    }
}
