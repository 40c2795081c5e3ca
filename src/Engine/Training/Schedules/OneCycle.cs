namespace Graft.Training;

/// <summary>Up to a maximum and down to almost nothing, both along half a cosine: Smith and Topin 2018, arXiv:1708.07120.</summary>
/// <remarks>Matches PyTorch's OneCycleLR with its defaults; momentum is left alone.</remarks>
/// <param name="maximumRate">Rate at the top.</param>
/// <param name="totalSteps">Steps in the whole cycle; the last rate holds after it.</param>
/// <param name="riseShare">Share of the steps spent rising.</param>
/// <param name="divisor">The first rate is the maximum over this.</param>
/// <param name="finalDivisor">The last rate is the first over this.</param>
public sealed class OneCycle(float maximumRate, int totalSteps, float riseShare = 0.3f, float divisor = 25, float finalDivisor = 1e4f) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override float At(long step)
    {
        double first = (double)maximumRate / divisor, last = first / finalDivisor;
        double top = (double)riseShare * totalSteps - 1, end = totalSteps - 1;
        if (step <= top)
            return (float)Cosine(first, maximumRate, step / top);
        return (float)Cosine(maximumRate, last, Math.Min(1, (step - top) / (end - top)));
    }
}
