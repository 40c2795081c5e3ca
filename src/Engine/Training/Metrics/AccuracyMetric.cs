namespace Graft.Training;

/// <summary>Share of right answers; which answer is right depends on how labels are laid out.</summary>
internal sealed class AccuracyMetric(string name, LabelKind? kind) : Metric(name)
{
    private long _right, _all;

    public override double Result => _all == 0 ? 0 : (double)_right / _all;

    internal override bool ReadsProbabilities => false;

    public override void Reset() => _right = _all = 0;

    public override void Update(MetricBatch batch)
    {
        if (kind is LabelKind.Categorical or LabelKind.Sparse && (kind != batch.LabelKind || batch.Outputs < 2))
            throw new GraftException($"Metric {Name} takes {kind} labels and two or more outputs; here are {batch.LabelKind} labels and {batch.Outputs} output(s). Use Metric.Accuracy, which follows the labels.");
        bool byClass = kind != LabelKind.Binary && batch.LabelKind != LabelKind.Values && batch.Outputs > 1 && batch.Labels.Length is var n
            && (batch.LabelKind != LabelKind.Binary || n == batch.Samples);
        if (byClass)
            CountClasses(batch);
        else
            CountSides(batch);
    }

    private void CountClasses(MetricBatch batch)
    {
        for (int i = 0; i < batch.Samples; i++)
        {
            if (batch.PredictedClass(i) == batch.Class(i))
                _right++;
        }
        _all += batch.Samples;
    }

    private void CountSides(MetricBatch batch)
    {
        for (int i = 0; i < batch.Predictions.Length; i++)
        {
            if ((batch.Predictions[i] > 0.5f) == (batch.Labels[i] > 0.5f))
                _right++;
        }
        _all += batch.Predictions.Length;
    }
}
