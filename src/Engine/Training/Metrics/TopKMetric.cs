using System.Text.Json.Nodes;

namespace Graft.Training;

/// <summary>Share of samples where fewer than k outputs are larger than that of the right class.</summary>
internal sealed class TopKMetric(int k) : Metric("top_k_categorical_accuracy")
{
    public const string Count = "k";

    /// <summary>The number that Keras has by default.</summary>
    public const int UsualK = 5;

    private long _right, _all;

    public int K => k;

    public override double Result => _all == 0 ? 0 : (double)_right / _all;

    internal override bool ReadsProbabilities => false;

    internal override JsonNode InFile => new JsonObject { ["name"] = Name, [Count] = k };

    public override void Reset() => _right = _all = 0;

    public override void Update(MetricBatch batch)
    {
        for (int i = 0; i < batch.Samples; i++)
        {
            ReadOnlySpan<float> row = batch.Row(i);
            float own = row[batch.Class(i)];
            int larger = 0;
            foreach (float p in row)
                larger += p > own ? 1 : 0;
            if (larger < k)
                _right++;
        }
        _all += batch.Samples;
    }
}
