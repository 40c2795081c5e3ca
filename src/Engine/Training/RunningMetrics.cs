namespace Graft.Training;

/// <summary>Loss and metrics of one output over the samples seen so far in a pass.</summary>
internal sealed class RunningMetrics(Target target)
{
    private readonly bool _readsProbabilities = Array.Exists(target.Metrics, m => m.ReadsProbabilities);

    private double _lossSum, _weight;

    public double MeanLoss => _weight == 0 ? 0 : _lossSum / _weight;

    public void Reset()
    {
        _lossSum = _weight = 0;
        Array.ForEach(target.Metrics, m => m.Reset());
    }

    /// <summary>Takes a batch in; its loss counts by its size, as in Keras, or by its labels where some are ignored.</summary>
    /// <param name="batchLoss">The loss of the batch.</param>
    /// <param name="outputs">Row-major outputs; none where no metric reads them.</param>
    /// <param name="labels">Row-major labels.</param>
    /// <param name="samples">N.</param>
    /// <param name="kind">How labels are laid out.</param>
    /// <param name="confusion">Counts the classes too; null where nobody asks.</param>
    public void Add(double batchLoss, float[] outputs, float[] labels, int samples, LabelKind kind, ConfusionMatrix? confusion)
    {
        double weight = target.Loss.WeightOf(labels, samples);
        _lossSum += batchLoss * weight;
        _weight += weight;
        var seen = new MetricBatch(target.Loss.ForMetrics(outputs, target.Head.Units, _readsProbabilities), labels, samples, kind);
        foreach (Metric m in target.Metrics)
        {
            if (m.ReadsOutputs)
                m.Update(seen);
            else
                m.Follow(MeanLoss);
        }
        confusion?.Add(seen);
    }

    /// <summary>The metrics in the order of Compile.</summary>
    public IEnumerable<(string Name, double Value)> Results() => target.Metrics.Select(m => (m.Name, m.Result));
}

/// <summary>The same for all outputs of a model.</summary>
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
