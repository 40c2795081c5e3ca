namespace Graft.Training;

/// <summary>The coefficient of determination of each output, and their mean: Keras's R2Score, scikit-learn's r2_score, in which labels that are all equal give 0 unless predicted exactly.</summary>
internal sealed class R2Metric() : Metric("r2_score")
{
    private Output[] _outputs = [];

    public override double Result => _outputs.Length == 0 ? 0 : _outputs.Average(o => o.Score);

    public override void Reset() => _outputs = [];

    public override void Update(MetricBatch batch)
    {
        ErrorMetric.CheckLabels(batch, Name);
        if (_outputs.Length == 0)
            _outputs = new Output[batch.Outputs];
        for (int i = 0; i < batch.Predictions.Length; i++)
        {
            ref Output output = ref _outputs[i % batch.Outputs];
            output = output.With(batch.Predictions[i], batch.Labels[i]);
        }
    }

    /// <summary>The labels' mean and the squares around it, by Welford's update: sums of squares of large labels would cancel.</summary>
    private readonly record struct Output(long Count, double Mean, double Around, double Errors)
    {
        public double Score => Around > 0 ? 1 - Errors / Around : Errors == 0 && Count > 0 ? 1 : 0;

        public Output With(double prediction, double label)
        {
            double mean = Mean + (label - Mean) / (Count + 1);
            return new Output(Count + 1, mean, Around + (label - Mean) * (label - mean), Errors + (prediction - label) * (prediction - label));
        }
    }
}
