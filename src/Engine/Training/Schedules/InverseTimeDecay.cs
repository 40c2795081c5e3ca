using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>rate = initialRate / (1 + decayRate · step / decaySteps). Matches Keras's InverseTimeDecay; with one decay step it is the "decay" of Keras 1 and 2's optimizers.</summary>
/// <param name="initialRate">Rate of the first step.</param>
/// <param name="decaySteps">Steps that count as one.</param>
/// <param name="decayRate">How fast it falls.</param>
/// <param name="staircase">True rounds the quotient down: the rate falls in stairs.</param>
/// <exception cref="GraftException">A rate is negative, NaN or infinite, or there are no steps.</exception>
public sealed class InverseTimeDecay(float initialRate, int decaySteps, float decayRate, bool staircase = false) : LearningRateSchedule
{
    private readonly float _initialRate = Rate(initialRate);
    private readonly int _decaySteps = Steps(decaySteps, nameof(InverseTimeDecay));

    /// <inheritdoc/>
    public override float At(long step)
    {
        double quotient = (double)step / _decaySteps;
        return (float)(_initialRate / (1 + decayRate * (staircase ? Math.Floor(quotient) : quotient)));
    }

    internal override (string ClassName, JsonObject Config)? InKeras => ("InverseTimeDecay", new JsonObject { ["initial_learning_rate"] = _initialRate, ["decay_steps"] = _decaySteps, ["decay_rate"] = decayRate, ["staircase"] = staircase });
}
