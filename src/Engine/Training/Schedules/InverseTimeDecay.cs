using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>rate = initialRate / (1 + decayRate · step / decaySteps). Matches Keras's InverseTimeDecay; with one decay step it is the "decay" of Keras 1 and 2's optimizers.</summary>
/// <param name="initialRate">Rate of the first step.</param>
/// <param name="decaySteps">Steps that count as one.</param>
/// <param name="decayRate">How fast it falls.</param>
/// <param name="staircase">True rounds the quotient down: the rate falls in stairs.</param>
public sealed class InverseTimeDecay(float initialRate, int decaySteps, float decayRate, bool staircase = false) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override float At(long step)
    {
        double quotient = (double)step / decaySteps;
        return (float)(initialRate / (1 + decayRate * (staircase ? Math.Floor(quotient) : quotient)));
    }

    internal override (string ClassName, JsonObject Config)? InKeras => ("InverseTimeDecay", new JsonObject { ["initial_learning_rate"] = initialRate, ["decay_steps"] = decaySteps, ["decay_rate"] = decayRate, ["staircase"] = staircase });
}
