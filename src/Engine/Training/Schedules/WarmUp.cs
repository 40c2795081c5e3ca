using System.Text.Json.Nodes;
using Graft.Weights;

namespace Graft.Training;

/// <summary>A straight line up to the first rate of another schedule, which begins when the line ends.</summary>
/// <param name="then">What follows; a number for a constant rate.</param>
/// <param name="steps">Length of the line.</param>
/// <param name="initialRate">Rate of the first step.</param>
public sealed class WarmUp(LearningRateSchedule then, int steps, float initialRate = 0) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override float At(long step) =>
        step < steps ? (float)Line(initialRate, then.At(0), (double)step / steps) : then.At(step - steps);

    internal override (string ClassName, JsonObject Config)? InFile => (nameof(WarmUp), new JsonObject { ["then"] = ScheduleJson.Write(then), ["steps"] = steps, ["initial_rate"] = initialRate });
}
