namespace Graft.Training;

/// <summary>A number made of how often each class was taken for each, over pixels or samples.</summary>
internal sealed class IoUMetric(string name, Func<ConfusionMatrix, double> formula) : Metric(name)
{
    private ConfusionMatrix? _counts;

    public override double Result => _counts is null ? 0 : formula(_counts);

    internal override bool ReadsProbabilities => false;

    public override void Reset() => _counts = null;

    public override void Update(MetricBatch batch)
    {
        if (batch.LabelKind == LabelKind.Values)
            throw new GraftException($"Metric {Name} takes labels that are classes; these are plain numbers.");
        if (batch.LabelKind != LabelKind.Binary)
        {
            _counts ??= new ConfusionMatrix(Math.Max(2, batch.Outputs));
            _counts.Add(batch);
            return;
        }
        _counts ??= new ConfusionMatrix(2);
        for (int i = 0; i < batch.Predictions.Length; i++) // each output is a question of its own
            _counts.Add(batch.Labels[i] > 0.5f ? 1 : 0, batch.Predictions[i] > 0.5f ? 1 : 0);
    }
}
