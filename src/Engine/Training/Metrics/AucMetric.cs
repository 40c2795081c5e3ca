namespace Graft.Training;

/// <summary>Area under the ROC curve by trapezoids over 200 thresholds, all outputs together: Keras's AUC with its defaults.</summary>
internal sealed class AucMetric() : Metric("auc")
{
    private const int Thresholds = 200;

    // [i] counts predictions above threshold i and not above threshold i + 1.
    private readonly long[] _positives = new long[Thresholds - 1], _negatives = new long[Thresholds - 1];

    public override double Result
    {
        get
        {
            long aboveTrue = 0, allPositives = _positives.Sum(), allNegatives = _negatives.Sum();
            if (allPositives == 0 || allNegatives == 0)
                return 0; // Keras divides 0 by 0 to 0
            double area = 0;
            for (int i = Thresholds - 2; i >= 0; i--)
            {
                double height = (double)(2 * aboveTrue + _positives[i]) / (2 * allPositives);
                area += height * _negatives[i] / allNegatives;
                aboveTrue += _positives[i];
            }
            return area;
        }
    }

    public override void Reset()
    {
        Array.Clear(_positives);
        Array.Clear(_negatives);
    }

    public override void Update(MetricBatch batch)
    {
        for (int i = 0; i < batch.Samples; i++)
        {
            ReadOnlySpan<float> row = batch.Row(i);
            for (int o = 0; o < row.Length; o++)
                (batch.IsPositive(i, o) ? _positives : _negatives)[Bucket(row[o])]++;
        }
    }

    // Thresholds are -1e-7, 1/199, 2/199, ..., 198/199, 1 + 1e-7; a prediction counts where it is above the threshold,
    // so p is above thresholds 0 to ceil(199 p) - 1, and 0 is above the first.
    private static int Bucket(float p) => Math.Clamp((int)Math.Ceiling((double)p * (Thresholds - 1)) - 1, 0, Thresholds - 2);
}
