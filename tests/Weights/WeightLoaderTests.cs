using Graft.Layers;
using Graft.Tests.Golden;
using Graft.Weights;
using Xunit;

namespace Graft.Tests.Weights;

public sealed class WeightLoaderTests
{
    private static readonly float[] Kernel = [1, 2, 3, 4, 5, 6];

    [Fact]
    public void Torch_layouts_are_turned_into_the_engine_s()
    {
        Assert.Equal([1, 4, 2, 5, 3, 6], new WeightName("w", WeightLayout.DenseTransposed).Convert(Kernel, new Shape(3, 2)));
        // [O=1,I=2,R=1,S=3] to [O,R,S,I]
        Assert.Equal([1, 4, 2, 5, 3, 6], new WeightName("w", WeightLayout.ConvOihw).Convert(Kernel, new Shape(1, 1, 3, 2)));
    }

    [Fact]
    public void Everything_that_does_not_fit_is_listed_and_nothing_is_loaded()
    {
        Sequential model = Model();
        float[] before = model.Parameters[0].Value.ToArray();
        var file = new NamedArrays
        {
            ["a.weight"] = (new Shape(2, 3), Kernel), ["a.bias"] = (new Shape(2), [float.NaN, 0]), ["b.weight"] = (new Shape(5, 2), new float[10]), ["stranger"] = (new Shape(1), [0]),
        };
        var error = Assert.Throws<GraftException>(() => WeightLoader.Load(model, file));
        foreach (string part in new[] { "b/bias", "nearest name", "[5,2]", "[1,2]", "NaN", "stranger", "test.bin" })
            Assert.Contains(part, error.Message, StringComparison.Ordinal);
        Assert.Equal(before, model.Parameters[0].Value.ToArray());
    }

    [Fact]
    public void A_loose_load_takes_what_fits_and_reports_the_rest()
    {
        Sequential model = Model();
        WeightReport report = WeightLoader.Load(model, new NamedArrays { ["a.weight"] = (new Shape(2, 3), Kernel) }, strict: false);
        Assert.Equal(["a.weight"], report.Matched);
        Assert.Equal(3, report.Missing.Count);
        Assert.False(report.IsComplete);
        Assert.Equal([1, 4, 2, 5, 3, 6], model.Parameters[0].Value.ToArray());
    }

    [Fact]
    public void Layers_of_one_name_in_two_nested_models_take_the_arrays_of_their_own_path()
    {
        Model model = TwoTowers();
        var file = new NamedArrays
        {
            ["left.d.weight"] = (new Shape(1, 2), [1, 2]), ["left.d.bias"] = (new Shape(1), [3]), ["right.d.weight"] = (new Shape(1, 2), [4, 5]), ["right.d.bias"] = (new Shape(1), [6]),
            ["d.weight"] = (new Shape(1, 1), [7]), ["d.bias"] = (new Shape(1), [8]),
        };
        Assert.True(WeightLoader.Load(model, file).IsComplete);
        var loaded = model.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value.ToArray());
        Assert.Equal([1f, 2], loaded["left/d/kernel"]);
        Assert.Equal([3f], loaded["left/d/bias"]);
        Assert.Equal([4f, 5], loaded["right/d/kernel"]);
        Assert.Equal([6f], loaded["right/d/bias"]);
        Assert.Equal([7f], loaded["d/kernel"]);
        Assert.Equal([8f], loaded["d/bias"]);
    }

    [Fact]
    public void An_array_that_two_layers_could_take_goes_to_neither()
    {
        Model model = TwoTowers();
        var file = new NamedArrays { ["d.weight"] = (new Shape(1, 1), [7]), ["d.bias"] = (new Shape(1), [8]) };
        WeightReport report = WeightLoader.Load(model, file, strict: false);
        Assert.Equal(["d.weight", "d.bias"], report.Matched); // the outer layer, by its path
        Assert.Equal(4, report.Missing.Count);

        var inner = new Model(model.Inputs, [model.Nodes.First(n => n.Layer.Name == "add")]);
        var one = new NamedArrays { ["d.weight"] = (new Shape(1, 2), [1, 2]), ["d.bias"] = (new Shape(1), [3]) };
        report = WeightLoader.Load(inner, one, strict: false);
        Assert.Empty(report.Matched);
        Assert.Contains(report.Missing, m => m.Contains("left/d/kernel", StringComparison.Ordinal) && m.Contains("but also right/d/kernel", StringComparison.Ordinal));
        Assert.Equal(["d.bias", "d.weight"], report.Unused);
    }

    [Fact]
    public void A_layer_is_found_in_a_nested_model_of_the_file_unless_two_places_could_be_it()
    {
        WeightName Keras(string layer, Parameter p) => new($"{layer}/{p.Name}");
        var model = new Sequential(2) { new Dense(1) { Name = "d" } };
        var nested = new NamedArrays { Rule = Keras, ["base/d/kernel"] = (new Shape(2, 1), [1, 2]), ["base/d/bias"] = (new Shape(1), [3]) };
        Assert.Equal(["base/d/kernel", "base/d/bias"], WeightLoader.Load(model, nested).Matched);
        nested["other/d/kernel"] = (new Shape(2, 1), [4, 5]);
        WeightReport report = WeightLoader.Load(model, nested, strict: false);
        Assert.Contains("'base/d/kernel' and 'other/d/kernel' could all be it", Assert.Single(report.Missing), StringComparison.Ordinal);
    }

    [Fact]
    public void A_shared_layer_is_loaded_once()
    {
        var shared = new Dense(1) { Name = "d" };
        Node a = Node.Input(new Shape(2)), b = Node.Input(new Shape(2));
        var model = new Model([a, b], [new Add().Apply(shared.Apply(a), shared.Apply(b))]);
        Assert.Equal(2, WeightLoader.Load(model, new NamedArrays { ["d.weight"] = (new Shape(1, 2), [1, 2]), ["d.bias"] = (new Shape(1), [3]) }).Matched.Count);
    }

    [Fact]
    public void A_note_fails_a_strict_load_and_stands_in_the_report_of_a_loose_one()
    {
        Sequential model = Model();
        var file = new NamedArrays { ["a.weight"] = (new Shape(2, 3), Kernel), ["a.bias"] = (new Shape(2), [0, 0]), ["b.weight"] = (new Shape(1, 2), [1, 2]), ["b.bias"] = (new Shape(1), [0]) };
        string message = Assert.Throws<GraftException>(() => WeightLoader.Load(model, file, notes: ["another epsilon"])).Message;
        Assert.Contains("4 matched, 0 missing, 0 faulty, 0 unused", message, StringComparison.Ordinal);
        Assert.Contains("note another epsilon", message, StringComparison.Ordinal);
        Assert.Equal(["another epsilon"], WeightLoader.Load(model, file, strict: false, notes: ["another epsilon"]).Notes);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void A_number_that_is_not_finite_is_found_wherever_it_stands(float bad)
    {
        for (int length = 1; length < 150; length++)
        {
            float[] values = [.. Enumerable.Repeat(-float.MaxValue, length)];
            Assert.Equal(-1, NonFinite.IndexIn(values));
            values[^1] = bad;
            Assert.Equal(length - 1, NonFinite.IndexIn(values));
            values[length / 2] = bad;
            Assert.Equal(length / 2, NonFinite.IndexIn(values));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_load_that_fails_leaves_parameters_as_they_were_and_one_that_fits_sets_them_all(bool hadNumbers)
    {
        Sequential model = Model();
        float[][] before = hadNumbers ? [.. model.Parameters.Select(p => p.Value.ToArray())] : [];
        var file = new NamedArrays { ["a.weight"] = (new Shape(2, 3), Kernel), ["a.bias"] = (new Shape(2), [7, 8]), ["b.weight"] = (new Shape(1, 2), [9, float.NaN]), ["b.bias"] = (new Shape(1), [5]) };
        Assert.Contains("NaN at element 1", Assert.Throws<GraftException>(() => WeightLoader.Load(model, file)).Message, StringComparison.Ordinal);
        Assert.All(model.Parameters, p => Assert.Equal(hadNumbers, p.HasValue));
        if (hadNumbers)
            Assert.Equal(before, model.Parameters.Select(p => p.Value.ToArray()));
        file["b.weight"] = (new Shape(1, 2), [9, 10]);
        Assert.True(WeightLoader.Load(model, file).IsComplete);
        Assert.Equal([[1, 4, 2, 5, 3, 6], [7, 8], [9, 10], [5]], model.Parameters.Select(p => p.Value.ToArray()));
    }

    private static Sequential Model() => new(3) { new Dense(2) { Name = "a" }, new Dense(1) { Name = "b" } };

    // Two nested models and the outer one have a layer "d" each.
    private static Model TwoTowers()
    {
        Node input = Node.Input(new Shape(2));
        Sequential left = new(2) { new Dense(1) { Name = "d" } }, right = new(2) { new Dense(1) { Name = "d" } };
        (left.Name, right.Name) = ("left", "right");
        Node sum = new Add { Name = "add" }.Apply(left.Apply(input), right.Apply(input));
        return new Model(input, new Dense(1) { Name = "d" }.Apply(sum));
    }
}
