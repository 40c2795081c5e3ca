namespace Graft.Training;

/// <summary>e to the mean loss.</summary>
internal sealed class PerplexityMetric() : Metric("perplexity")
{
    private double _result;

    public override double Result => _result;

    internal override bool ReadsOutputs => false;

    public override void Reset() => _result = 0;

    public override void Update(MetricBatch batch)
    {
        // Follow brings all that is needed.
    }

    internal override void Follow(double meanLoss) => _result = Math.Exp(meanLoss);
}
