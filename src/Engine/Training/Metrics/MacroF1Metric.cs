namespace Graft.Training;

/// <summary>The mean of all classes' F1, each class counting the same, however rare it is: scikit-learn's f1_score with average='macro'.</summary>
internal sealed class MacroF1Metric() : Metric("macro_f1")
{
    private ConfusionMatrix? _counts;

    public override double Result => _counts?.MacroF1 ?? 0;

    public override void Reset() => _counts = null;

    public override void Update(MetricBatch batch)
    {
        if (batch.LabelKind == LabelKind.Values)
            throw new GraftException($"Metric {Name} takes labels that are classes; these are plain numbers.");
        _counts ??= new ConfusionMatrix(Math.Max(2, batch.Outputs));
        _counts.Add(batch);
    }
}
