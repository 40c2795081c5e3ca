using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Training;

/// <summary>Gradients over the root of their mean square, epsilon inside the root as in Keras 3: Hinton 2012, lecture 6e.</summary>
/// <param name="learningRate">A number or a schedule; 0.001 by default.</param>
/// <param name="rho">Decay of the mean square.</param>
/// <param name="momentum">Share of the last move that goes on.</param>
/// <param name="epsilon">Keeps the root away from 0.</param>
/// <param name="centered">True takes the square of the mean gradient off: the variance instead of the mean square.</param>
public sealed class RMSprop(LearningRateSchedule? learningRate = null, float rho = 0.9f, float momentum = 0, float epsilon = 1e-7f, bool centered = false)
    : Optimizer(learningRate ?? 0.001f)
{
    private readonly float _rho = Share(rho, nameof(rho)), _momentum = Share(momentum, nameof(momentum));

    /// <summary>True adds epsilon to the root, as Keras 2 and PyTorch do; Keras 3 adds it to what stands under the root.</summary>
    public bool EpsilonOutsideRoot { get; init; }

    /// <inheritdoc/>
    public override string Name => "rmsprop";

    private protected override string[] SlotNames { get; } =
        ["velocity", .. momentum > 0 ? ["momentum"] : Array.Empty<string>(), .. centered ? ["average_gradient"] : Array.Empty<string>()];

    private protected override void Move(KernelSet kernels, ReadOnlySpan<StepTensor> tensors, float rate) =>
        kernels.RmsPropStep.Step(new RmsPropStepSettings(rate, _rho, _momentum, EpsilonOutsideRoot ? 0 : epsilon, EpsilonOutsideRoot ? epsilon : 0), tensors);

    private protected override StepTensor Operands(Tensor value, DevicePtr<float> gradient, Tensor[] slots) =>
        new(value.Count, value.Data, gradient, slots[0].Data, At(slots, _momentum > 0 ? 1 : -1), At(slots, centered ? slots.Length - 1 : -1));

    internal override void WriteConfig(JsonObject config)
    {
        config["rho"] = _rho;
        config["momentum"] = _momentum;
        config["epsilon"] = epsilon;
        config["centered"] = centered;
    }
}
