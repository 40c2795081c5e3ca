namespace Graft.Training;

/// <summary>A number made of right and wrong positives, over all outputs together.</summary>
internal sealed class CountsMetric(string name, Func<BinaryCounts, double> formula) : Metric(name)
{
    private BinaryCounts _counts;

    public override double Result => formula(_counts);

    public override void Reset() => _counts = default;

    public override void Update(MetricBatch batch)
    {
        for (int i = 0; i < batch.Samples; i++)
        {
            ReadOnlySpan<float> row = batch.Row(i);
            for (int o = 0; o < row.Length; o++)
                _counts = _counts.With(row[o] > 0.5f, batch.IsPositive(i, o));
        }
    }
}

/// <summary>Answers to a yes-or-no question, by what was said and what is true.</summary>
internal readonly record struct BinaryCounts(long TruePositives, long FalsePositives, long FalseNegatives)
{
    public double Precision => Ratio(TruePositives, TruePositives + FalsePositives);

    public double Recall => Ratio(TruePositives, TruePositives + FalseNegatives);

    public double F1 => Ratio(2 * TruePositives, 2 * TruePositives + FalsePositives + FalseNegatives);

    /// <summary>Intersection over union, Jaccard's index.</summary>
    public double IoU => Ratio(TruePositives, Seen);

    /// <summary>How often it was said or true.</summary>
    public long Seen => TruePositives + FalsePositives + FalseNegatives;

    public BinaryCounts With(bool said, bool truth) => (said, truth) switch
    {
        (true, true) => this with { TruePositives = TruePositives + 1 },
        (true, false) => this with { FalsePositives = FalsePositives + 1 },
        (false, true) => this with { FalseNegatives = FalseNegatives + 1 },
        _ => this,
    };

    private static double Ratio(long part, long whole) => whole == 0 ? 0 : (double)part / whole; // Keras: 0 where nothing was counted
}
