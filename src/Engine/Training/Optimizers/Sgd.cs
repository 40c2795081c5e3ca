using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Training;

/// <summary>Stochastic gradient descent: w -= rate g; with momentum v = momentum v - rate g, w += v; Keras's SGD.</summary>
/// <param name="learningRate">A number or a schedule; 0.01 by default.</param>
/// <param name="momentum">Share of the last move that goes on.</param>
/// <param name="nesterov">True looks ahead: w += momentum v - rate g with the new v.</param>
public sealed class Sgd(LearningRateSchedule? learningRate = null, float momentum = 0, bool nesterov = false) : Optimizer(learningRate ?? 0.01f)
{
    private readonly float _momentum = Share(momentum, nameof(momentum));

    /// <inheritdoc/>
    public override string Name => "sgd";

    private protected override string[] SlotNames { get; } = momentum == 0 ? [] : ["momentum"];

    private protected override void Move(KernelSet kernels, ReadOnlySpan<StepTensor> tensors, float rate) =>
        kernels.SgdStep.Step(new SgdStepSettings(rate, _momentum, nesterov), tensors);

    internal override void WriteConfig(JsonObject config)
    {
        config["momentum"] = _momentum;
        config["nesterov"] = nesterov;
    }
}
