using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>Up to a maximum and down to almost nothing, both along half a cosine: Smith and Topin 2018, arXiv:1708.07120.</summary>
/// <remarks>Matches PyTorch's OneCycleLR with its defaults; momentum is left alone.</remarks>
/// <param name="maximumRate">Rate at the top.</param>
/// <param name="totalSteps">Steps in the whole cycle; the last rate holds after it.</param>
/// <param name="riseShare">Share of the steps spent rising.</param>
/// <param name="divisor">The first rate is the maximum over this.</param>
/// <param name="finalDivisor">The last rate is the first over this.</param>
/// <exception cref="GraftException">A rate is negative, NaN or infinite, or there are no steps.</exception>
public sealed class OneCycle(float maximumRate, int totalSteps, float riseShare = 0.3f, float divisor = 25, float finalDivisor = 1e4f) : LearningRateSchedule
{
    private readonly float _maximumRate = Rate(maximumRate);
    private readonly int _totalSteps = Steps(totalSteps, nameof(OneCycle));

    /// <inheritdoc/>
    public override float At(long step)
    {
        double first = (double)_maximumRate / divisor, last = first / finalDivisor;
        double top = (double)riseShare * _totalSteps - 1, end = _totalSteps - 1;
        if (step <= top)
            return (float)Cosine(first, _maximumRate, step / top);
        return (float)Cosine(_maximumRate, last, Math.Min(1, (step - top) / (end - top)));
    }

    internal override (string ClassName, JsonObject Config)? InFile => (nameof(OneCycle), new JsonObject { ["maximum_rate"] = _maximumRate, ["total_steps"] = _totalSteps, ["rise_share"] = riseShare, ["divisor"] = divisor, ["final_divisor"] = finalDivisor });
}
