using System.Globalization;

namespace Graft.Training;

/// <summary>Lowers the learning rate when a quantity has not got better for a while. Matches Keras's ReduceLROnPlateau.</summary>
/// <param name="monitor">Column of the history.</param>
/// <param name="factor">What the rate is multiplied by, above 0 and below 1; else a <see cref="GraftException"/>.</param>
/// <param name="patience">Epochs without improvement after which it is.</param>
/// <param name="minDelta">A smaller change is no improvement.</param>
/// <param name="cooldown">Epochs after a change during which none are counted.</param>
/// <param name="minRate">The rate does not fall below.</param>
/// <param name="mode">Which way is better.</param>
public sealed class ReduceLROnPlateau(string monitor = "val_loss", float factor = 0.1f, int patience = 10, double minDelta = 1e-4,
    int cooldown = 0, float minRate = 0, MonitorMode mode = MonitorMode.Auto) : Callback
{
    private readonly Monitor _monitor = new(monitor, mode, minDelta);
    private readonly float _factor = factor is > 0 and < 1 ? factor
        : throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"ReduceLROnPlateau: a factor of {factor} does not lower the rate; take one above 0 and below 1."));
    private int _waited, _cooling;

    /// <inheritdoc/>
    /// <exception cref="GraftException">The rate follows a schedule, which nobody can lower.</exception>
    public override void OnTrainBegin(TrainingContext context)
    {
        context.Optimizer.RequireNumber();
        _monitor.Reset();
        _waited = _cooling = 0;
    }

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row)
    {
        bool better = _monitor.Improves(row, nameof(ReduceLROnPlateau));
        if (_cooling > 0)
        {
            _cooling--;
            _waited = 0;
        }
        if (better)
        {
            _waited = 0;
        }
        else if (_cooling == 0 && ++_waited >= patience && context.Optimizer.LearningRate > minRate)
        {
            context.Optimizer.LearningRate = Math.Max(context.Optimizer.LearningRate * _factor, minRate);
            _cooling = cooldown;
            _waited = 0;
        }
    }
}
