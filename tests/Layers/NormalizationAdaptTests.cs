using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Training;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>Statistics of Normalization from data: Keras's adapt.</summary>
public sealed class NormalizationAdaptTests
{
    [Fact]
    public void The_example_of_Keras_is_normalized_as_there()
    {
        var layer = new Normalization { Axes = [] };
        layer.Adapt([1, 2, 3, 4, 5], new Shape(5)); // documentation of keras.layers.Normalization
        var model = new Sequential { layer };
        Assert.Equal([[-1.4142135f], [-0.70710677f], [0f]], model.Predict([1, 2, 3], new Shape(3)));
    }

    [Theory]
    [InlineData(new[] { -1 })]
    [InlineData(new[] { 1 })]
    [InlineData(new[] { 3, 1 })]
    [InlineData(new[] { 1, 2, 3 })]
    [InlineData(new int[0])]
    public void Means_and_variances_are_those_of_the_formula_over_all_other_axes(int[] axes)
    {
        (int[] dims, int n) = ([3, 4, 2], 5);
        var random = new Random(2);
        float[] x = [.. Enumerable.Range(0, n * 24).Select(_ => random.NextSingle() * 3 + 1000)]; // far from 0
        var layer = new Normalization { Axes = axes };
        layer.Adapt(x, new Shape(5, 3, 4, 2));
        int[] kept = [.. axes.Select(a => a < 0 ? a + 4 : a).Order()];
        var groups = new SortedDictionary<string, List<double>>(StringComparer.Ordinal);
        for (int i = 0; i < x.Length; i++)
        {
            int[] at = [i / 24, i % 24 / 8, i % 8 / 2, i % 2];
            string key = string.Join(',', kept.Select(a => at[a]));
            if (!groups.TryGetValue(key, out List<double>? group))
                groups.Add(key, group = []);
            group.Add(x[i]);
        }
        float[] means = [.. groups.Values.Select(g => (float)g.Average())], variances = [.. groups.Values.Select(g => (float)g.Average(v => Math.Pow(v - g.Average(), 2)))];
        Assert.Equal(means, layer.Parameters[0].Value.ToArray());
        Assert.All(variances.Zip(layer.Parameters[1].Value.ToArray()), v => Assert.Equal(v.First, v.Second, 1e-6f * v.First));
        Assert.Equal([x.Length / means.Length], layer.Parameters[2].Value.ToArray());
    }

    [Fact]
    public void Batches_give_what_all_samples_at_once_give_and_a_second_call_begins_anew()
    {
        var random = new Random(5);
        float[] x = [.. Enumerable.Range(0, 23 * 3).Select(i => random.NextSingle() + 100 * (i % 3) + i)], second = [.. x.Reverse().Select(v => v * 2)];
        var whole = new Normalization();
        whole.Adapt(x, new Shape(23, 3));
        var layer = new Normalization();
        layer.Adapt([7, 8, 9], new Shape(1, 3));
        layer.Adapt(new ArrayBatches(x, new Shape(3), new float[23], new Shape(1), LabelKind.Values, batchSize: 4, shuffleSeed: 1));
        Same(whole, layer);
        var joined = new JoinedBatches(new ArrayBatches(second, new Shape(3), new float[23], new Shape(1), LabelKind.Values, batchSize: 6), [new SampleArray(x, new Shape(3))]);
        layer.Adapt(joined, input: 1);
        Same(whole, layer);
        layer.Adapt(joined);
        Assert.Equal(second.Where((_, i) => i % 3 == 0).Average(v => (double)v), layer.Parameters[0].Value.ToArray()[0], 1e-3);
    }

    [Fact]
    public void Within_a_model_predictions_follow_and_a_file_keeps_them()
    {
        using var files = new TemporaryFiles();
        var layer = new Normalization();
        var model = new Sequential(2) { layer, new Dense(1, Activation.Linear) { KernelInitializer = Initializers.Ones } };
        Assert.Equal(11, model.Predict([1, 10], new Shape(1, 2))[0][0]);
        layer.Adapt([0, 8, 2, 12], new Shape(2, 2)); // means 1 and 10, deviations 1 and 2
        Assert.Equal(0, model.Predict([1, 10], new Shape(1, 2))[0][0]);
        Assert.Equal(3, model.Predict([2, 14], new Shape(1, 2))[0][0]);
        ModelFile.Save(model, files["m.graft"]);
        Assert.Equal(3, ModelFile.Load(files["m.graft"]).Model.Predict([2, 14], new Shape(1, 2))[0][0]);
    }

    [Fact]
    public void What_cannot_be_adapted_to_is_named_and_changes_nothing()
    {
        var layer = new Normalization { Name = "norm" };
        layer.Adapt([1, 2, 3, 4], new Shape(2, 2));
        float[] before = [.. layer.Parameters.SelectMany(p => p.Value.ToArray())];
        var bad = new ArrayBatches([1, 2, 3, 4, 5, float.NaN, 7, 8], new Shape(2), new float[4], new Shape(1), LabelKind.Values, batchSize: 2);
        Assert.Equal("Normalization 'norm': Adapt found NaN as number 1 of sample 2 (both counted from 0); take finite numbers: fill gaps, or leave the sample out.", Assert.Throws<GraftException>(() => layer.Adapt(bad)).Message);
        Assert.Contains("5 numbers, which are not one sample or more of shape [2,2]", Assert.Throws<ShapeException>(() => layer.Adapt([1, 2, 3, 4, 5], new Shape(2, 2))).Message, StringComparison.Ordinal);
        Assert.Contains("shape [0,2]", Assert.Throws<ShapeException>(() => layer.Adapt([], new Shape(0, 2))).Message, StringComparison.Ordinal);
        Assert.Contains("was built for input [2] and cannot take [3]", Assert.Throws<ShapeException>(() => layer.Adapt([1, 2, 3], new Shape(1, 3))).Message, StringComparison.Ordinal);
        Assert.Contains("input 1 of the data, which has the inputs 0 to 0", Assert.Throws<GraftException>(() => layer.Adapt(bad, input: 1)).Message, StringComparison.Ordinal);
        Assert.Contains("has the Mean and Variance that it was given", Assert.Throws<GraftException>(() => new Normalization { Mean = [1], Variance = [1] }.Adapt([1, 2], new Shape(1, 2))).Message, StringComparison.Ordinal);
        Assert.Equal(before, layer.Parameters.SelectMany(p => p.Value.ToArray()));
    }

    private static void Same(Normalization expected, Normalization found)
    {
        foreach ((Parameter a, Parameter b) in expected.Parameters.Zip(found.Parameters))
            Assert.All(a.Value.ToArray().Zip(b.Value.ToArray()), v => Assert.Equal(v.First, v.Second, 1e-6f * Math.Abs(v.First)));
    }
}
