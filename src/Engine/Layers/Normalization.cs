using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>(x - mean) / max(sqrt(variance), 1e-7) with statistics of the data: given here, or the layer's own, which <see cref="Adapt(ReadOnlySpan{float}, Shape)"/> takes from samples or a weight file brings.</summary>
/// <remarks>
/// x, y [N,..]; mean, variance have the extents of <see cref="Axes"/>; count [] is how many numbers each of them is of. They are not trained. Matches Keras's
/// Normalization.
/// </remarks>
public sealed partial class Normalization : Layer
{
    private const float Epsilon = 1e-7f; // keras.backend.epsilon()
    private Parameter? _mean, _variance, _count;

    /// <summary>Axes along which each position has statistics of its own, counted with the batch axis as 0, or from the end; none means one pair of numbers.</summary>
    public IReadOnlyList<int> Axes { get; init; } = [-1];

    /// <summary>The means, row-major over the axes; null where they are the layer's own numbers.</summary>
    public IReadOnlyList<float>? Mean { get; init; }

    /// <summary>The variances, as many; null where they are the layer's own numbers.</summary>
    public IReadOnlyList<float>? Variance { get; init; }

    /// <summary>True goes the other way: x · max(sqrt(variance), 1e-7) + mean.</summary>
    public bool Invert { get; init; }

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        long count = Statistics(inputs[0]).Count;
        if ((Mean is null) != (Variance is null))
            throw new ShapeException("takes Mean and Variance together, or neither.");
        foreach (IReadOnlyList<float>? given in new[] { Mean, Variance })
        {
            if (given is not null && given.Count != 1 && given.Count != count)
                throw new ShapeException($"was given {given.Count} numbers for the axes ({string.Join(',', Axes)}) of {inputs[0]}, which take {count}, or one for all.");
        }
        return inputs[0];
    }

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        if (Mean is not null)
            return;
        Shape statistics = Statistics(inputs[0]);
        _mean = AddParameter("mean", statistics, Initializers.Zeros, isStatistic: true);
        _variance = AddParameter("variance", statistics, Initializers.Ones, isStatistic: true);
        _count = AddParameter("count", Shape.Scalar, Initializers.Zeros, isStatistic: true);
    }

    /// <inheritdoc/>
    protected override bool AcceptsOtherInput(Shape[] built, Shape[] inputs) => Statistics(built[0]).Equals(Statistics(inputs[0]));

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Shape sample = inputs[0].Shape.Tail();
        Tensor mean = Along(tape, sample, _mean, Mean), deviation = Along(tape, sample, _variance, Variance);
        deviation = Then(tape, tape.Run(new UnaryOp(UnaryFormula.Sqrt), deviation), new UnaryOp(UnaryFormula.Clip, Epsilon, float.PositiveInfinity));
        Tensor y = Invert ? Then(tape, tape.Run(new BinaryOp(BinaryFormula.Multiply), inputs[0], deviation), new BinaryOp(BinaryFormula.Add), mean)
            : Then(tape, tape.Run(new BinaryOp(BinaryFormula.Subtract), inputs[0], mean), new BinaryOp(BinaryFormula.Divide), deviation);
        tape.Release(deviation);
        return y;
    }

    private int[] Kept(Shape sample) => Axes.Count == 0 ? [] : [.. AxisOrder.Resolve(sample, Axes).Order()];

    private Shape Statistics(Shape sample) => new([.. Kept(sample).Select(a => sample[a - 1])]);

    // In the rank of a sample, extent 1 along all other axes.
    private Tensor Along(Tape tape, Shape sample, Parameter? parameter, IReadOnlyList<float>? given)
    {
        int[] kept = Kept(sample);
        int[] dims = [.. sample.Select((extent, i) => kept.Contains(i + 1) ? extent : 1)];
        if (parameter is not null)
            return tape.Run(new ReshapeOp(dims), parameter.Value);
        return given!.Count == 1 ? tape.Constant(new Shape(1), [given[0]]) : tape.Constant(new Shape(dims), [.. given]);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["axes"] = new JsonArray([.. Axes.Select(a => (JsonNode)a)]);
        config["mean"] = Write(Mean);
        config["variance"] = Write(Variance);
        config["invert"] = Invert;
    }

    internal static Layer Read(JsonNode config) => new Normalization
    {
        Axes = [.. config["axes"]!.AsArray().Select(a => (int)a!)],
        Mean = Numbers(config["mean"]),
        Variance = Numbers(config["variance"]),
        Invert = (bool)config["invert"]!,
    };

    private static JsonArray? Write(IReadOnlyList<float>? numbers) => numbers is null ? null : new JsonArray([.. numbers.Select(v => (JsonNode)v)]);

    private static float[]? Numbers(JsonNode? json) => json is JsonArray numbers ? [.. numbers.Select(v => (float)v!)] : null;
}
