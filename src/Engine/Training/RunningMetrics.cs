namespace Graft.Training;

/// <summary>Loss and metrics of the samples seen so far in a pass.</summary>
/// <param name="loss">The compiled loss.</param>
/// <param name="metrics">The compiled metrics.</param>
/// <param name="classes">The last axis of the model's output.</param>
internal sealed class RunningMetrics(Loss loss, Metric[] metrics, int classes)
{
    private readonly bool _readsProbabilities = Array.Exists(metrics, m => m.ReadsProbabilities);

    private double _lossSum, _weight;

    public int Samples { get; private set; }

    /// <summary>False where no metric looks at outputs: then they need not come to the host.</summary>
    public bool ReadsOutputs { get; } = Array.Exists(metrics, m => m.ReadsOutputs);

    private double MeanLoss => _weight == 0 ? 0 : _lossSum / _weight;

    public void Reset()
    {
        _lossSum = _weight = 0;
        Samples = 0;
        Array.ForEach(metrics, m => m.Reset());
    }

    /// <summary>Takes a batch in; its loss counts by its size, as in Keras, or by its labels where some are ignored. Returns the batch as metrics see it.</summary>
    public MetricBatch Add(double batchLoss, float[] outputs, Batch batch, LabelKind kind)
    {
        double weight = loss.WeightOf(batch);
        _lossSum += batchLoss * weight;
        _weight += weight;
        Samples += batch.Size;
        var seen = new MetricBatch(loss.ForMetrics(outputs, classes, _readsProbabilities), batch.Labels, batch.Size, kind);
        foreach (Metric m in metrics)
        {
            if (m.ReadsOutputs)
                m.Update(seen);
            else
                m.Follow(MeanLoss);
        }
        return seen;
    }

    /// <summary>"loss" first, then the metrics in the order of Compile.</summary>
    public Dictionary<string, double> Results()
    {
        var results = new Dictionary<string, double> { ["loss"] = MeanLoss };
        foreach (Metric m in metrics)
            results[m.Name] = m.Result;
        return results;
    }
}
