namespace Graft.Training;

/// <summary>
/// Ends training when a quantity has not got better for a while, and always leaves the model with the weights of its best
/// epoch. Matches Keras's EarlyStopping with restore_best_weights.
/// </summary>
/// <param name="monitor">Column of the history.</param>
/// <param name="patience">Epochs without improvement after which training ends.</param>
/// <param name="minDelta">A smaller change is no improvement.</param>
/// <param name="mode">Which way is better.</param>
public sealed class EarlyStopping(string monitor = "val_loss", int patience = 0, double minDelta = 0, MonitorMode mode = MonitorMode.Auto) : Callback
{
    private readonly Monitor _monitor = new(monitor, mode, minDelta);
    private WeightSnapshot? _best;
    private int _waited;

    /// <summary>The epoch whose weights the model ends with; -1 before the first.</summary>
    public int BestEpoch { get; private set; } = -1;

    /// <summary>The epoch after which training was ended; -1 where it ran to its end.</summary>
    public int StoppedEpoch { get; private set; } = -1;

    /// <inheritdoc/>
    public override void OnTrainBegin(TrainingContext context)
    {
        _monitor.Reset();
        _best = null;
        _waited = 0;
        BestEpoch = StoppedEpoch = -1;
    }

    /// <inheritdoc/>
    public override void OnEpochBegin(TrainingContext context, int epoch) => _best?.TakeMissing(context.Model);

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row)
    {
        if (_monitor.Improves(row, nameof(EarlyStopping)))
        {
            context.AsValidated(() => (_best ??= new()).TakeAll(context.Model));
            BestEpoch = epoch;
            _waited = 0;
            return;
        }
        if (++_waited >= patience && epoch > 0) // Keras never stops after the first epoch
        {
            StoppedEpoch = epoch;
            context.Stop($"{monitor} has not improved since epoch {BestEpoch + 1}");
        }
    }

    /// <inheritdoc/>
    public override void OnTrainEnd(TrainingContext context)
    {
        if (_best is null)
            return;
        context.Average?.Dispose(); // the best epoch's is there already
        _best.Restore(context.Model);
        _best = null;
    }
}
