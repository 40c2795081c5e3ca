using System.Globalization;
using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>The learning rate as a function of the number of optimizer steps done.</summary>
/// <remarks>A plain number converts to a constant schedule: <c>new Adam(1e-3f)</c>.</remarks>
public abstract class LearningRateSchedule
{
    /// <summary>The rate of the step that follows <paramref name="step"/> finished ones.</summary>
    public abstract float At(long step);

    /// <summary>The class that Keras has for it, and the attributes there; null where it has none.</summary>
    internal virtual (string ClassName, JsonObject Config)? InKeras => null;

    /// <summary>The class and the attributes that a model file keeps; null for one of the user's.</summary>
    internal virtual (string ClassName, JsonObject Config)? InFile => InKeras;

    /// <summary>The same rate at every step; the only kind that a callback can change.</summary>
    /// <exception cref="GraftException">The rate is negative, NaN or infinite.</exception>
    public static LearningRateSchedule FromSingle(float rate) => new ConstantRate(rate);

    /// <summary>The same rate at every step.</summary>
    public static implicit operator LearningRateSchedule(float rate) => FromSingle(rate);

    /// <summary>A rate that can be trained with.</summary>
    /// <exception cref="GraftException">It is negative, NaN or infinite.</exception>
    private protected static float Rate(float rate) => rate >= 0 && float.IsFinite(rate) ? rate
        : throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"A learning rate of {rate}; take a number of 0 or more, such as 0.001."));

    /// <summary>A length in steps that a schedule can be divided by.</summary>
    /// <exception cref="GraftException">It is none.</exception>
    private protected static int Steps(int steps, string schedule) => steps > 0 ? steps
        : throw new GraftException($"{schedule} over {steps} steps; take 1 or more. Epochs have data.BatchesPerEpoch steps each.");

    // Half a cosine from `from` (fraction 0) to `to` (fraction 1).
    private protected static double Cosine(double from, double to, double fraction) =>
        to + (from - to) * 0.5 * (1 + Math.Cos(Math.PI * fraction));

    private protected static double Line(double from, double to, double fraction) => from + (to - from) * fraction;
}

/// <summary>The same rate at every step.</summary>
internal sealed class ConstantRate(float rate) : LearningRateSchedule
{
    private readonly float _rate = Rate(rate);

    public override float At(long step) => _rate;
}
