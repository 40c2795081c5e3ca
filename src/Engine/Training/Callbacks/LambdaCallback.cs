namespace Graft.Training;

/// <summary>A callback from functions.</summary>
public sealed class LambdaCallback : Callback
{
    /// <summary>Before an epoch.</summary>
    public Action<TrainingContext, int>? EpochBegin { get; init; }

    /// <summary>After an epoch, with its row of the history.</summary>
    public Action<TrainingContext, int, IReadOnlyDictionary<string, double>>? EpochEnd { get; init; }

    /// <summary>After a step.</summary>
    public Action<TrainingContext, TrainingProgress>? BatchEnd { get; init; }

    /// <inheritdoc/>
    public override void OnEpochBegin(TrainingContext context, int epoch) => EpochBegin?.Invoke(context, epoch);

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row) => EpochEnd?.Invoke(context, epoch, row);

    /// <inheritdoc/>
    public override void OnBatchEnd(TrainingContext context, TrainingProgress progress) => BatchEnd?.Invoke(context, progress);
}
