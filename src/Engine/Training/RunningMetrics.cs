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
        if (kind != LabelKind.Values && outputs.Length > 0)
            (outputs, labels, samples) = Positions(outputs, labels, samples, kind);
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

    /// <summary>What has a class each: the samples, or their tokens or pixels; without those whose label is ignored.</summary>
    private (float[] Outputs, float[] Labels, int Count) Positions(float[] outputs, float[] labels, int samples, LabelKind kind)
    {
        int units = target.Head.Units, count = outputs.Length / units;
        if (labels.Length != (kind == LabelKind.Sparse ? count : outputs.Length))
            return (outputs, labels, samples); // a loss of one's own gives them another meaning
        if (kind != LabelKind.Sparse || target.Loss.IgnoredClass is not int ignored || !labels.Contains(ignored))
            return (outputs, labels, count);
        int counted = labels.Count(l => l != ignored), to = 0;
        float[] countedOutputs = new float[counted * units], countedLabels = new float[counted];
        for (int i = 0; i < count; i++)
        {
            if (labels[i] == ignored)
                continue;
            outputs.AsSpan(i * units, units).CopyTo(countedOutputs.AsSpan(to * units));
            countedLabels[to++] = labels[i];
        }
        return (countedOutputs, countedLabels, counted);
    }

    /// <summary>The metrics in the order of Compile.</summary>
    public IEnumerable<(string Name, double Value)> Results() => target.Metrics.Select(m => (m.Name, m.Result));
}
