namespace Graft.Kernels;

/// <summary>Rates of one Adam step.</summary>
/// <param name="Rate">The learning rate.</param>
/// <param name="Beta1">Decay of the mean gradient.</param>
/// <param name="Beta2">Decay of the mean square.</param>
/// <param name="Epsilon">Added to the root.</param>
/// <param name="WeightDecay">AdamW's decay, taken off the weight before the step; 0 for none.</param>
/// <param name="Step">Number of this step, from 1.</param>
public readonly record struct AdamStepSettings(float Rate, float Beta1, float Beta2, float Epsilon, float WeightDecay, long Step)
{
    /// <summary>Tensors, the first of a step's, that <see cref="WeightDecay"/> is for; all where nothing is said.</summary>
    public int Decayed { get; init; } = int.MaxValue;

    /// <summary>The rate with both corrections for slots that start at 0: rate sqrt(1 - beta2^t) / (1 - beta1^t).</summary>
    public double CorrectedRate => Rate * Math.Sqrt(1 - Math.Pow(Beta2, Step)) / (1 - Math.Pow(Beta1, Step));
}
