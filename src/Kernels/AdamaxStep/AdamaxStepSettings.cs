namespace Graft.Kernels;

/// <summary>Rates of one Adamax step.</summary>
/// <param name="Rate">The learning rate.</param>
/// <param name="Beta1">Decay of the mean gradient.</param>
/// <param name="Beta2">Decay of the largest magnitude.</param>
/// <param name="Epsilon">Added to the largest magnitude.</param>
/// <param name="Step">Number of this step, from 1.</param>
public readonly record struct AdamaxStepSettings(float Rate, float Beta1, float Beta2, float Epsilon, long Step)
{
    /// <summary>The rate with the correction for a mean that starts at 0: rate / (1 - beta1^t).</summary>
    public double CorrectedRate => Rate / (1 - Math.Pow(Beta1, Step));
}
