using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>rate = initialRate * decayRate^(step / decaySteps). Matches Keras's ExponentialDecay.</summary>
/// <param name="initialRate">Rate of the first step.</param>
/// <param name="decaySteps">Steps over which the rate is multiplied by <paramref name="decayRate"/> once.</param>
/// <param name="decayRate">The factor.</param>
/// <param name="staircase">True rounds the exponent down: the rate falls in stairs.</param>
/// <exception cref="GraftException">A rate is negative, NaN or infinite, or there are no steps.</exception>
public sealed class ExponentialDecay(float initialRate, int decaySteps, float decayRate, bool staircase = false) : LearningRateSchedule
{
    private readonly float _initialRate = Rate(initialRate);
    private readonly int _decaySteps = Steps(decaySteps, nameof(ExponentialDecay));

    /// <inheritdoc/>
    public override float At(long step)
    {
        double exponent = (double)step / _decaySteps;
        return (float)(_initialRate * Math.Pow(decayRate, staircase ? Math.Floor(exponent) : exponent));
    }

    internal override (string ClassName, JsonObject Config)? InKeras => ("ExponentialDecay", new JsonObject { ["initial_learning_rate"] = _initialRate, ["decay_steps"] = _decaySteps, ["decay_rate"] = decayRate, ["staircase"] = staircase });
}
