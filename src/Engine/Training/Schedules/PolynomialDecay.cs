using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>From the initial rate to the end rate along a power: end + (initial - end) · (1 - step / decaySteps)^power; the end rate holds after that.</summary>
/// <remarks>Matches Keras's PolynomialDecay; behind a <see cref="WarmUp"/> with power 1 it is Hugging Face's linear schedule.</remarks>
/// <param name="initialRate">Rate of the first step.</param>
/// <param name="decaySteps">Steps until the end rate.</param>
/// <param name="endRate">The rate after them.</param>
/// <param name="power">1 is a straight line.</param>
public sealed class PolynomialDecay(float initialRate, int decaySteps, float endRate = 0, float power = 1) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override float At(long step) =>
        (float)Line(endRate, initialRate, Math.Pow(1 - (double)Math.Min(step, decaySteps) / decaySteps, power));

    internal override (string ClassName, JsonObject Config)? InKeras => ("PolynomialDecay", new JsonObject { ["initial_learning_rate"] = initialRate, ["decay_steps"] = decaySteps, ["end_learning_rate"] = endRate, ["power"] = power, ["cycle"] = false });
}
