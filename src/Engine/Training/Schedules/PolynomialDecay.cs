using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>From the initial rate to the end rate along a power: end + (initial - end) · (1 - step / decaySteps)^power; the end rate holds after that.</summary>
/// <remarks>Matches Keras's PolynomialDecay; behind a <see cref="WarmUp"/> with power 1 it is Hugging Face's linear schedule.</remarks>
/// <param name="initialRate">Rate of the first step.</param>
/// <param name="decaySteps">Steps until the end rate.</param>
/// <param name="endRate">The rate after them.</param>
/// <param name="power">1 is a straight line.</param>
/// <exception cref="GraftException">A rate is negative, NaN or infinite, or there are no steps.</exception>
public sealed class PolynomialDecay(float initialRate, int decaySteps, float endRate = 0, float power = 1) : LearningRateSchedule
{
    private readonly float _initialRate = Rate(initialRate);
    private readonly int _decaySteps = Steps(decaySteps, nameof(PolynomialDecay));
    private readonly float _endRate = Rate(endRate);

    /// <inheritdoc/>
    public override float At(long step) =>
        (float)Line(_endRate, _initialRate, Math.Pow(1 - (double)Math.Min(step, _decaySteps) / _decaySteps, power));

    internal override (string ClassName, JsonObject Config)? InKeras => ("PolynomialDecay", new JsonObject { ["initial_learning_rate"] = _initialRate, ["decay_steps"] = _decaySteps, ["end_learning_rate"] = _endRate, ["power"] = power, ["cycle"] = false });
}
