namespace Graft.Training;

/// <summary>A number made of the differences between predictions and labels, over all outputs together.</summary>
internal sealed class ErrorMetric(string name, Func<ErrorSums, double> formula) : Metric(name)
{
    private ErrorSums _sums;

    public override double Result => _sums.Count == 0 ? 0 : formula(_sums);

    public override void Reset() => _sums = default;

    public override void Update(MetricBatch batch)
    {
        CheckLabels(batch, Name);
        (double absolute, double squared) = (0, 0);
        for (int i = 0; i < batch.Predictions.Length; i++)
        {
            double error = (double)batch.Predictions[i] - batch.Labels[i];
            absolute += Math.Abs(error);
            squared += error * error;
        }
        _sums = new ErrorSums(_sums.Count + batch.Predictions.Length, _sums.Absolute + absolute, _sums.Squared + squared);
    }

    /// <exception cref="GraftException">The labels are class indices, or have another size than the outputs.</exception>
    public static void CheckLabels(MetricBatch batch, string metric)
    {
        if (batch.LabelKind == LabelKind.Sparse || batch.Labels.Length != batch.Predictions.Length)
            throw new GraftException($"Metric {metric} compares numbers with numbers; here are {batch.LabelKind} labels of {batch.Labels.Length} numbers and outputs of {batch.Predictions.Length}. For classes use Metric.Accuracy.");
    }
}

/// <summary>Sums over outputs.</summary>
internal readonly record struct ErrorSums(long Count, double Absolute, double Squared);
