using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>The rate is multiplied by a factor every so many steps: initialRate * factor^floor(step / every).</summary>
/// <remarks>Matches PyTorch's StepLR, counted in optimizer steps.</remarks>
/// <param name="initialRate">Rate of the first step.</param>
/// <param name="every">Steps between two falls.</param>
/// <param name="factor">What the rate is multiplied by.</param>
/// <exception cref="GraftException">A rate is negative, NaN or infinite, or there are no steps.</exception>
public sealed class StepDecay(float initialRate, int every, float factor = 0.1f) : LearningRateSchedule
{
    private readonly float _initialRate = Rate(initialRate);
    private readonly int _every = Steps(every, nameof(StepDecay));

    /// <inheritdoc/>
    public override float At(long step) => (float)(_initialRate * Math.Pow(factor, step / _every));

    internal override (string ClassName, JsonObject Config)? InKeras => ("ExponentialDecay", new JsonObject { ["initial_learning_rate"] = _initialRate, ["decay_steps"] = _every, ["decay_rate"] = factor, ["staircase"] = true });
}
