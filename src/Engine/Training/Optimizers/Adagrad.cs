using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Training;

/// <summary>Gradients over the root of the sum of their squares: a += g^2, w -= rate g / sqrt(a + epsilon). Duchi et al. 2011, as in Keras 3.</summary>
/// <param name="learningRate">A number or a schedule; 0.001 by default.</param>
/// <param name="initialAccumulator">What the sum begins with.</param>
/// <param name="epsilon">Keeps the root away from 0.</param>
public sealed class Adagrad(LearningRateSchedule? learningRate = null, float initialAccumulator = 0.1f, float epsilon = 1e-7f) : Optimizer(learningRate ?? 0.001f)
{
    /// <summary>True adds epsilon to the root, as Keras 2 and PyTorch do; Keras 3 adds it to what stands under the root.</summary>
    public bool EpsilonOutsideRoot { get; init; }

    /// <inheritdoc/>
    public override string Name => "adagrad";

    private protected override string[] SlotNames { get; } = ["accumulator"];

    private protected override float SlotStart => initialAccumulator;

    private protected override void Move(KernelSet kernels, ReadOnlySpan<StepTensor> tensors, float rate) =>
        kernels.AdagradStep.Step(new AdagradStepSettings(rate, EpsilonOutsideRoot ? 0 : epsilon, EpsilonOutsideRoot ? epsilon : 0), tensors);

    internal override void WriteConfig(JsonObject config)
    {
        config["initial_accumulator_value"] = initialAccumulator;
        config["epsilon"] = epsilon;
    }
}
