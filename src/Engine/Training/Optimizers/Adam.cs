using System.Text.Json.Nodes;
using Graft.Kernels;

namespace Graft.Training;

/// <summary>Adam: Kingma and Ba 2015, arXiv:1412.6980, in the form before section 2.1 that Keras has, epsilon outside the root.</summary>
public class Adam : Optimizer
{
    private readonly float _beta1, _beta2, _epsilon, _weightDecay;

    /// <summary>Makes the optimizer.</summary>
    /// <param name="learningRate">A number or a schedule; 0.001 by default.</param>
    /// <param name="beta1">Decay of the mean gradient.</param>
    /// <param name="beta2">Decay of the mean square.</param>
    /// <param name="epsilon">Added to the root.</param>
    /// <param name="amsgrad">True divides by the largest mean square so far: Reddi et al. 2018.</param>
    public Adam(LearningRateSchedule? learningRate = null, float beta1 = 0.9f, float beta2 = 0.999f, float epsilon = 1e-7f, bool amsgrad = false)
        : this(learningRate, beta1, beta2, epsilon, amsgrad, 0)
    {
    }

    private protected Adam(LearningRateSchedule? learningRate, float beta1, float beta2, float epsilon, bool amsgrad, float weightDecay)
        : base(learningRate ?? 0.001f)
    {
        (_beta1, _beta2, _epsilon, _weightDecay) = (Share(beta1, nameof(beta1)), Share(beta2, nameof(beta2)), epsilon, weightDecay);
        SlotNames = amsgrad ? ["momentum", "velocity", "velocity_hat"] : ["momentum", "velocity"];
    }

    /// <inheritdoc/>
    public override string Name => "adam";

    /// <summary>
    /// True adds epsilon to the root after the correction for slots that start at 0, as PyTorch does; false before, as Keras does. The two differ where
    /// gradients are as small as epsilon, in the first steps.
    /// </summary>
    public bool CorrectsEpsilon { get; init; }

    /// <summary>Epsilon as the kernels take it: beside the uncorrected root.</summary>
    private float StepEpsilon => CorrectsEpsilon ? (float)(_epsilon * Math.Sqrt(1 - Math.Pow(_beta2, Iterations + 1))) : _epsilon;

    private protected override string[] SlotNames { get; }

    private protected override void Move(KernelSet kernels, ReadOnlySpan<StepTensor> tensors, float rate) =>
        Move(kernels, tensors, tensors.Length, rate);

    private protected override void Move(KernelSet kernels, ReadOnlySpan<StepTensor> tensors, int decayed, float rate) =>
        kernels.AdamStep.Step(new AdamStepSettings(rate, _beta1, _beta2, StepEpsilon, _weightDecay, Iterations + 1) { Decayed = decayed }, tensors);

    internal override void WriteConfig(JsonObject config)
    {
        config["beta_1"] = _beta1;
        config["beta_2"] = _beta2;
        config["epsilon"] = _epsilon;
        config["amsgrad"] = SlotNames.Length == 3;
        config["weight_decay"] = _weightDecay; // 0 but for AdamW
    }
}
