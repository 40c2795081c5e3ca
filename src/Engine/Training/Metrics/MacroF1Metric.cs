namespace Graft.Training;

/// <summary>The mean of all classes' F1, each class counting the same, however rare it is: scikit-learn's f1_score with average='macro'.</summary>
internal sealed class MacroF1Metric() : Metric("macro_f1")
{
    private ConfusionMatrix? _counts;
    private BinaryCounts[]? _labels; // of samples that have several

    public override double Result => _counts?.MacroF1 ?? _labels?.Average(l => l.F1) ?? 0;

    internal override bool ReadsProbabilities => false;

    public override void Reset() => (_counts, _labels) = (null, null);

    public override void Update(MetricBatch batch)
    {
        if (batch.LabelKind == LabelKind.Values)
            throw new GraftException($"Metric {Name} takes labels that are classes; these are plain numbers.");
        if (batch.LabelKind == LabelKind.Binary && batch.Outputs > 1)
        {
            CountLabels(batch);
            return;
        }
        _counts ??= new ConfusionMatrix(Math.Max(2, batch.Outputs));
        _counts.Add(batch);
    }

    private void CountLabels(MetricBatch batch)
    {
        _labels ??= new BinaryCounts[batch.Outputs];
        for (int i = 0; i < batch.Samples; i++)
        {
            ReadOnlySpan<float> row = batch.Row(i);
            for (int o = 0; o < row.Length; o++)
                _labels[o] = _labels[o].With(row[o] > 0.5f, batch.IsPositive(i, o));
        }
    }
}
