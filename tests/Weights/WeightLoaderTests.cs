using Graft.Layers;
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
        var file = new Arrays
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
        WeightReport report = WeightLoader.Load(model, new Arrays { ["a.weight"] = (new Shape(2, 3), Kernel) }, strict: false);
        Assert.Equal(["a.weight"], report.Matched);
        Assert.Equal(3, report.Missing.Count);
        Assert.False(report.IsComplete);
        Assert.Equal([1, 4, 2, 5, 3, 6], model.Parameters[0].Value.ToArray());
    }

    private static Sequential Model() => new(3) { new Dense(2) { Name = "a" }, new Dense(1) { Name = "b" } };

    private sealed class Arrays : WeightFile
    {
        private readonly Dictionary<string, (Shape Shape, float[] Values)> _arrays = [];

        public override string Source => "test.bin";

        public override IReadOnlyCollection<string> Names => _arrays.Keys;

        public (Shape Shape, float[] Values) this[string name]
        {
            set => _arrays[name] = value;
        }

        public override Shape ShapeOf(string name) => _arrays[name].Shape;

        public override float[] Read(string name) => _arrays[name].Values;

        public override WeightName Locate(string layer, Parameter parameter) => WeightName.Torch(layer, parameter);
    }
}
