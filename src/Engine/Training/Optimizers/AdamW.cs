using Graft.Layers;

namespace Graft.Training;

/// <summary>Adam with decoupled weight decay: w -= w * rate * weightDecay before each step. Loshchilov and Hutter 2019, arXiv:1711.05101, as Keras has it.</summary>
/// <param name="learningRate">A number or a schedule; 0.001 by default.</param>
/// <param name="weightDecay">The decay.</param>
/// <param name="beta1">Decay of the mean gradient.</param>
/// <param name="beta2">Decay of the mean square.</param>
/// <param name="epsilon">Added to the root.</param>
/// <param name="amsgrad">True divides by the largest mean square so far.</param>
public sealed class AdamW(LearningRateSchedule? learningRate = null, float weightDecay = 0.004f, float beta1 = 0.9f, float beta2 = 0.999f,
    float epsilon = 1e-7f, bool amsgrad = false) : Adam(learningRate, beta1, beta2, epsilon, amsgrad, weightDecay)
{
    /// <inheritdoc/>
    public override string Name => "adamw";

    /// <summary>Which parameters decay; all by default, as in Keras and PyTorch.</summary>
    public Func<Parameter, bool> Decays { get; init; } = Everything;

    /// <summary>All but biases and the gains of normalisations: the groups of Hugging Face's Trainer.</summary>
    public static bool AllButBiasesAndNorms(Parameter parameter) => parameter.Name is not ("bias" or "gamma" or "beta");

    internal static bool Everything(Parameter parameter) => true;

    private protected override bool IsDecayed(Parameter parameter) => Decays(parameter);
}
