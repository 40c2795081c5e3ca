using Graft.Training;

namespace Graft.Cli;

/// <summary>The labels of a data set beside what a model says.</summary>
internal static class LabelRows
{
    /// <summary>One row a sample, in the order of the data set.</summary>
    public static float[][] Of(BatchSource data)
    {
        var rows = new float[data.Count][];
        foreach (Batch batch in data.EpochWithoutInputs(0))
        {
            float[][] labels = [.. batch.Labels.Chunk(batch.Labels.Length / batch.Size)];
            for (int i = 0; i < labels.Length; i++)
                rows[batch.Indices[i]] = labels[i];
        }
        return rows;
    }

    /// <summary>How often each label was said and was true.</summary>
    public static LabelCounts Count(IReadOnlyList<string> names, float[][] predictions, float[][] labels, float threshold)
    {
        var counts = new LabelCounts(names, threshold);
        foreach ((float[] said, float[] truth) in predictions.Zip(labels))
            counts.Add(said, truth);
        return counts;
    }

    /// <summary>A metric of one of the numbers.</summary>
    public static double Measure(Metric metric, float[][] predictions, float[][] labels, int number)
    {
        metric.Update(new MetricBatch([.. predictions.Select(p => p[number])], [.. labels.Select(l => l[number])], labels.Length, LabelKind.Values));
        return metric.Result;
    }
}
