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
