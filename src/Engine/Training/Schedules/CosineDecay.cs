using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>
/// Half a cosine from the initial rate down to alpha times it, after an optional linear warm-up. Matches Keras's
/// CosineDecay; Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts.
/// </summary>
/// <param name="initialRate">Rate of the first step.</param>
/// <param name="decaySteps">Length of the cosine, warm-up not counted.</param>
/// <param name="alpha">The rate ends at this share of where the cosine began.</param>
/// <param name="warmupTarget">Rate at the end of the warm-up, where the cosine begins; null for no warm-up.</param>
/// <param name="warmupSteps">Length of the warm-up from <paramref name="initialRate"/>.</param>
/// <exception cref="GraftException">A rate is negative, NaN or infinite, or there are no steps.</exception>
public sealed class CosineDecay(float initialRate, int decaySteps, float alpha = 0, float? warmupTarget = null, int warmupSteps = 0) : LearningRateSchedule
{
    private readonly float _initialRate = Rate(initialRate);
    private readonly int _decaySteps = Steps(decaySteps, nameof(CosineDecay));

    /// <inheritdoc/>
    public override float At(long step)
    {
        if (warmupTarget is not float target)
            return Decayed(_initialRate, step);
        return step < warmupSteps ? (float)Line(_initialRate, target, (double)step / warmupSteps) : Decayed(target, step - warmupSteps);
    }

    private float Decayed(double from, long step) => (float)Cosine(from, from * alpha, (double)Math.Min(step, _decaySteps) / _decaySteps);

    internal override (string ClassName, JsonObject Config)? InKeras => ("CosineDecay", new JsonObject { ["initial_learning_rate"] = _initialRate, ["decay_steps"] = _decaySteps, ["alpha"] = alpha, ["warmup_target"] = warmupTarget, ["warmup_steps"] = warmupSteps });
}
