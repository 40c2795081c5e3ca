namespace Graft.Training;

/// <summary>Loss and metrics of the samples seen so far in a pass.</summary>
internal sealed class RunningMetrics(Loss loss, Metric[] metrics)
{
    private double _lossSum;

    public int Samples { get; private set; }

    public void Reset()
    {
        _lossSum = 0;
        Samples = 0;
        Array.ForEach(metrics, m => m.Reset());
    }

    /// <summary>Takes a batch in; its loss counts by its size, as in Keras. Returns the batch as metrics see it.</summary>
    public MetricBatch Add(double batchLoss, float[] outputs, Batch batch, LabelKind kind)
    {
        _lossSum += batchLoss * batch.Size;
        Samples += batch.Size;
        var seen = new MetricBatch(loss.ForMetrics(outputs), batch.Labels, batch.Size, kind);
        foreach (Metric m in metrics)
            m.Update(seen);
        return seen;
    }

    /// <summary>"loss" first, then the metrics in the order of Compile.</summary>
    public Dictionary<string, double> Results()
    {
        var results = new Dictionary<string, double> { ["loss"] = Samples == 0 ? 0 : _lossSum / Samples };
        foreach (Metric m in metrics)
            results[m.Name] = m.Result;
        return results;
    }
}
