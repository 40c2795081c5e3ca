using Graft.Layers;
using Graft.Training;

namespace Graft.Tests.Training;

/// <summary>Small problems that a small model learns in a few steps.</summary>
internal static class TrainingData
{
    public const int Features = 6;

    /// <summary>Two clouds of points; the label says which.</summary>
    public static ArrayBatches Binary(int count = 40, int batchSize = 8, int? shuffleSeed = 1)
    {
        (float[] samples, int[] classes) = Clouds(count, 2);
        return new ArrayBatches(samples, new Shape(Features), [.. classes.Select(c => (float)c)], new Shape(1), LabelKind.Binary, batchSize, shuffleSeed);
    }

    /// <summary>Three clouds of points with class indices.</summary>
    public static ArrayBatches Sparse(int count = 42, int batchSize = 8)
    {
        (float[] samples, int[] classes) = Clouds(count, 3);
        return new ArrayBatches(samples, new Shape(Features), [.. classes.Select(c => (float)c)], new Shape(1), LabelKind.Sparse, batchSize, 1) { Classes = ["a", "b", "c"] };
    }

    /// <summary>The same with one-hot labels.</summary>
    public static ArrayBatches OneHot(int count = 42, int batchSize = 8)
    {
        (float[] samples, int[] classes) = Clouds(count, 3);
        float[] labels = [.. classes.SelectMany(c => Enumerable.Range(0, 3).Select(k => k == c ? 1f : 0f))];
        return new ArrayBatches(samples, new Shape(Features), labels, new Shape(3), LabelKind.Categorical, batchSize, 1);
    }

    /// <summary>Two Dense layers with Dropout between, compiled for <see cref="Binary"/>.</summary>
    public static Sequential BinaryModel(Optimizer? optimizer = null, int seed = 3, float dropout = 0)
    {
        var model = new Sequential(Features) { new Dense(8, Activation.Tanh) { Name = "base" }, new Dropout(dropout), new Dense(1, Activation.Sigmoid) { Name = "head" } };
        model.SetSeed(seed);
        model.Compile(optimizer ?? new Adam(0.02f), Loss.BinaryCrossEntropy(), Metric.Accuracy);
        return model;
    }

    /// <summary>All parameters, one after the other.</summary>
    public static float[] Weights(Model model) => [.. model.Parameters.SelectMany(p => p.Value.ToArray())];

    private static (float[] Samples, int[] Classes) Clouds(int count, int classes)
    {
        var random = new Random(7);
        int[] labels = [.. Enumerable.Range(0, count).Select(i => i % classes)];
        return ([.. labels.SelectMany(c => Enumerable.Range(0, Features).Select(f => (f % classes == c ? 1f : 0) + random.NextSingle() - 0.5f))], labels);
    }
}
