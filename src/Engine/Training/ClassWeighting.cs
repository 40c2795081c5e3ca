namespace Graft.Training;

/// <summary>Weights of samples: their own times that of their class.</summary>
internal static class ClassWeighting
{
    /// <summary>Weight of each sample of a batch; null where all are 1.</summary>
    /// <exception cref="GraftException">There are class weights, but labels are not classes.</exception>
    public static float[]? Of(Batch batch, LabelKind kind, IReadOnlyDictionary<int, float>? classWeights)
    {
        if (classWeights is null)
            return batch.SampleWeights;
        if (kind == LabelKind.Values)
            throw new GraftException("ClassWeights need labels that are classes; these are plain numbers. Use sample weights.");
        var weights = new float[batch.Size];
        for (int i = 0; i < weights.Length; i++)
        {
            float own = batch.SampleWeights is null ? 1 : batch.SampleWeights[i];
            weights[i] = own * (classWeights.TryGetValue(MetricBatch.ClassOf(batch.Labels, i, batch.Size, kind), out float w) ? w : 1);
        }
        return weights;
    }
}
