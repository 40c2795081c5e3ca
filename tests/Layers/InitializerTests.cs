using Graft.Layers;
using Xunit;

namespace Graft.Tests.Layers;

/// <summary>How new weights are drawn: spread and limits by fan in, and which layers take an initialiser.</summary>
public sealed class InitializerTests
{
    // The variance of n numbers deviates by about sqrt(2 / n) of itself (less where they are bounded); n is 24,000 to 30,000 here, and five times that is allowed.
    private const double Spread = 0.05;

    public static TheoryData<string, int[], int> Cases => new()
    {
        { nameof(Initializers.HeNormalDense), [120, 250], 120 },
        { nameof(Initializers.HeUniformDense), [120, 250], 120 },
        { nameof(Initializers.HeNormalConv), [50, 4, 4, 30], 4 * 4 * 30 },
        { nameof(Initializers.HeUniformConv), [50, 4, 4, 30], 4 * 4 * 30 },
        { nameof(Initializers.HeNormalConv), [80, 5, 60], 5 * 60 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void He_has_twice_the_variance_of_one_by_fan_in(string name, int[] shape, int fanIn)
    {
        var initializer = (Initializer)Delegate.CreateDelegate(typeof(Initializer), typeof(Initializers).GetMethod(name)!);
        var values = new float[shape.Aggregate(1, (n, e) => n * e)];
        initializer(new Shape(shape), new Random(1), values);
        double variance = values.Sum(v => (double)v * v) / values.Length, due = 2.0 / fanIn;
        Assert.Equal(due, variance, Spread * due);
        Assert.Equal(0, values.Average(), 5 * Math.Sqrt(due / values.Length));
        double limit = name.Contains("Uniform", StringComparison.Ordinal) ? Math.Sqrt(3 * due) : 2 * Math.Sqrt(due) / 0.87962566;
        Assert.InRange(values.Max(v => Math.Abs(v)), 0.99 * limit, 1.000001 * limit);
    }

    [Fact]
    public void Layers_take_initializers_for_kernel_and_bias()
    {
        Initializer two = Initializers.Constant(2), three = Initializers.Constant(3);
        (Layer Layer, Shape Sample)[] layers =
        [
            (new Dense(2) { KernelInitializer = two, BiasInitializer = three }, new Shape(4)),
            (new Conv1D(2, 3) { KernelInitializer = two, BiasInitializer = three }, new Shape(5, 4)),
            (new Conv2D(2, 3) { KernelInitializer = two, BiasInitializer = three }, new Shape(5, 5, 4)),
            (new Conv3D(2, 3, 3, 3) { KernelInitializer = two, BiasInitializer = three }, new Shape(5, 5, 5, 4)),
            (new Conv1DTranspose(2, 3) { KernelInitializer = two, BiasInitializer = three }, new Shape(5, 4)),
            (new Conv2DTranspose(2, 3, 3) { KernelInitializer = two, BiasInitializer = three }, new Shape(5, 5, 4)),
            (new Conv3DTranspose(2, 3, 3, 3) { KernelInitializer = two, BiasInitializer = three }, new Shape(5, 5, 5, 4)),
        ];
        foreach ((Layer layer, Shape sample) in layers)
        {
            Node input = Node.Input(sample);
            var model = new Model(input, layer.Apply(input));
            Assert.All(model.Parameters[0].Value.ToArray(), v => Assert.Equal(2, v));
            Assert.All(model.Parameters[1].Value.ToArray(), v => Assert.Equal(3, v));
        }
        var usual = new Sequential(4) { new Dense(2) };
        Assert.All(usual.Parameters[1].Value.ToArray(), v => Assert.Equal(0, v));
    }
}
