using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>The rate is multiplied by a factor every so many steps: initialRate * factor^floor(step / every).</summary>
/// <remarks>Matches PyTorch's StepLR, counted in optimizer steps.</remarks>
/// <param name="initialRate">Rate of the first step.</param>
/// <param name="every">Steps between two falls.</param>
/// <param name="factor">What the rate is multiplied by.</param>
public sealed class StepDecay(float initialRate, int every, float factor = 0.1f) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override float At(long step) => (float)(initialRate * Math.Pow(factor, step / every));

    internal override (string ClassName, JsonObject Config)? InKeras => ("ExponentialDecay", new JsonObject { ["initial_learning_rate"] = initialRate, ["decay_steps"] = every, ["decay_rate"] = factor, ["staircase"] = true });
}
