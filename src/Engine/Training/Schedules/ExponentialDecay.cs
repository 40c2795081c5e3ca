using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>rate = initialRate * decayRate^(step / decaySteps). Matches Keras's ExponentialDecay.</summary>
/// <param name="initialRate">Rate of the first step.</param>
/// <param name="decaySteps">Steps over which the rate is multiplied by <paramref name="decayRate"/> once.</param>
/// <param name="decayRate">The factor.</param>
/// <param name="staircase">True rounds the exponent down: the rate falls in stairs.</param>
public sealed class ExponentialDecay(float initialRate, int decaySteps, float decayRate, bool staircase = false) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override float At(long step)
    {
        double exponent = (double)step / decaySteps;
        return (float)(initialRate * Math.Pow(decayRate, staircase ? Math.Floor(exponent) : exponent));
    }

    internal override (string ClassName, JsonObject Config)? InKeras => ("ExponentialDecay", new JsonObject { ["initial_learning_rate"] = initialRate, ["decay_steps"] = decaySteps, ["decay_rate"] = decayRate, ["staircase"] = staircase });
}
