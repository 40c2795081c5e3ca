namespace Graft.Training;

/// <summary>
/// Writes event files that TensorBoard reads: scalars epoch_loss, epoch_accuracy and so on by epoch, in the folders "train" and
/// "validation", named as Keras's callback names them.
/// </summary>
/// <param name="folder">The log folder of this run.</param>
public sealed class TensorBoard(string folder) : Callback
{
    private const string Validation = "val_";

    private EventFile? _train, _validation;

    /// <inheritdoc/>
    public override void OnTrainBegin(TrainingContext context) => _train = _validation = null;

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainingContext context, int epoch, IReadOnlyDictionary<string, double> row)
    {
        _train ??= EventFile.Create(Path.Combine(folder, "train"));
        _train.Append(epoch, row.Where(r => !r.Key.StartsWith(Validation, StringComparison.Ordinal)).Select(r => ($"epoch_{r.Key}", (float)r.Value)));
        (string, float)[] validation = [.. row.Where(r => r.Key.StartsWith(Validation, StringComparison.Ordinal))
            .Select(r => ($"epoch_{r.Key[Validation.Length..]}", (float)r.Value))];
        if (validation.Length == 0)
            return;
        _validation ??= EventFile.Create(Path.Combine(folder, "validation"));
        _validation.Append(epoch, validation);
    }
}
