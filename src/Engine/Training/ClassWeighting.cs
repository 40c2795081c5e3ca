using System.Globalization;

namespace Graft.Training;

/// <summary>Weights of samples by their class, for data in which some classes are rare.</summary>
public static class ClassWeighting
{
    /// <summary>
    /// The weights with which all classes count the same in the loss: samples / (classes x samples of the class), scikit-learn's 'balanced'. For <see cref="FitOptions.ClassWeights"/>.
    /// </summary>
    /// <param name="classes">The class of each training sample: an image folder's Classes.</param>
    public static IReadOnlyDictionary<int, float> Balanced(IEnumerable<int> classes) => Balanced(classes.CountBy(c => c).ToDictionary(c => c.Key, c => (long)c.Value));

    /// <summary>The same weights from how many samples, or pixels (ImageMasks.CountPixels), each class has; one that has none gets no weight.</summary>
    /// <param name="counts">By the number of the class.</param>
    public static IReadOnlyDictionary<int, float> BalancedByCount(IReadOnlyList<long> counts) => Balanced(counts.Index().Where(c => c.Item > 0).ToDictionary());

    private static Dictionary<int, float> Balanced(Dictionary<int, long> counts)
    {
        double all = counts.Values.Sum();
        return counts.ToDictionary(c => c.Key, c => (float)(all / ((double)counts.Count * c.Value)));
    }

    /// <summary>Weight of each sample of a batch, or of each pixel or token of each sample where these have the classes; null where all are 1.</summary>
    internal static float[]? Of(Batch batch, LabelKind kind, IReadOnlyDictionary<int, float>? classWeights)
    {
        if (classWeights is null)
            return batch.SampleWeights;
        var weights = new float[kind == LabelKind.Categorical ? batch.Labels.Length / batch.LabelShape[-1] : batch.Labels.Length];
        int positions = weights.Length / batch.Size;
        for (int i = 0; i < weights.Length; i++)
        {
            float own = batch.SampleWeights is null ? 1 : batch.SampleWeights[i / positions];
            weights[i] = own * (classWeights.TryGetValue(MetricBatch.ClassOf(batch.Labels, i, weights.Length, kind), out float w) ? w : 1);
        }
        return weights;
    }

    /// <exception cref="GraftException">Labels are not one class a sample, a class is not there, or a weight is no weight.</exception>
    internal static void Check(IReadOnlyDictionary<int, float>? classWeights, BatchSource data, int outputs)
    {
        if (classWeights is null)
            return;
        if (data.MoreLabelSets.Count > 0)
            throw new GraftException($"ClassWeights need one class a sample; these samples have labels for {data.LabelSets.Count} outputs. Use sample weights.");
        if (data.LabelKind == LabelKind.Values)
            throw new GraftException("ClassWeights need labels that are classes; these are plain numbers. Use sample weights.");
        if (data.LabelKind == LabelKind.Binary && outputs > 1)
            throw new GraftException($"ClassWeights need one class a sample; these have {outputs} labels. Use sample weights.");
        int classes = Math.Max(2, outputs);
        foreach ((int number, float weight) in classWeights)
        {
            if (number < 0 || number >= classes)
                throw new GraftException($"ClassWeights: there is no class {number}; the classes are 0 to {classes - 1}.");
            if (!(weight >= 0 && float.IsFinite(weight)))
                throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"ClassWeights: class {number} has weight {weight}; take 0 or more."));
        }
    }
}
