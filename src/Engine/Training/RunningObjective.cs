namespace Graft.Training;

/// <summary>Loss and metrics of all outputs of a model over the samples seen so far in a pass.</summary>
internal sealed class RunningObjective
{
    private readonly Target[] _targets;
    private readonly RunningMetrics[] _each;
    private double _lossSum; // of several outputs

    public RunningObjective(Objective objective)
    {
        _targets = objective.Targets;
        _each = Array.ConvertAll(_targets, t => new RunningMetrics(t));
    }

    public int Samples { get; private set; }

    public void Reset()
    {
        (_lossSum, Samples) = (0, 0);
        Array.ForEach(_each, e => e.Reset());
    }

    /// <summary>Takes a batch in.</summary>
    /// <param name="outcome">What the model made of it.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="sets">What the labels of each output are.</param>
    /// <param name="confusions">For each output what counts its classes too, or null; none where nobody asks.</param>
    public void Add(BatchOutcome outcome, Batch batch, IReadOnlyList<LabelSet> sets, params ReadOnlySpan<ConfusionMatrix?> confusions)
    {
        _lossSum += (double)outcome.Loss * batch.Size;
        Samples += batch.Size;
        for (int i = 0; i < _each.Length; i++)
            _each[i].Add(_each.Length == 1 ? outcome.Loss : outcome.Losses[i], outcome.Outputs.Length == 0 ? [] : outcome.Outputs[i], batch.LabelsOf(i).Values, batch.Size, sets[i].Kind, confusions.IsEmpty ? null : confusions[i]);
    }

    /// <summary>"loss" first; then the metrics in the order of Compile, of several outputs the loss and the metrics of each under its name: "age_loss", "age_mae".</summary>
    public Dictionary<string, double> Results()
    {
        if (_each.Length == 1)
            return new Dictionary<string, double>([new("loss", _each[0].MeanLoss), .. _each[0].Results().Select(r => new KeyValuePair<string, double>(r.Name, r.Value))]);
        var results = new Dictionary<string, double> { ["loss"] = Samples == 0 ? 0 : _lossSum / Samples };
        for (int i = 0; i < _each.Length; i++)
        {
            results[$"{_targets[i].Name}_loss"] = _each[i].MeanLoss;
            foreach ((string name, double value) in _each[i].Results())
                results[$"{_targets[i].Name}_{name}"] = value;
        }
        return results;
    }
}
