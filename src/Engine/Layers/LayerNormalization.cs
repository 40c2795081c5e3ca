using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Normalises each row over the last axis, or over several axes: y = (x - mean) / sqrt(variance + epsilon) · gamma + beta.</summary>
/// <remarks>
/// x, y [N,..]; gamma, beta have the extents of the axes that are normalised, [C] by default. Ba et al. 2016, arXiv:1607.06450.
/// Matches Keras's LayerNormalization.
/// </remarks>
public sealed class LayerNormalization : Layer
{
    private Parameter? _gamma, _beta;

    /// <summary>Added to the variance inside the root.</summary>
    public float Epsilon { get; init; } = 1e-3f;

    /// <summary>Axes that are normalised together, counted with the batch axis as 0, or from the end.</summary>
    public IReadOnlyList<int> Axes { get; init; } = [-1];

    /// <summary>False leaves gamma out: 1.</summary>
    public bool Scale { get; init; } = true;

    /// <summary>False leaves beta out: 0.</summary>
    public bool Center { get; init; } = true;

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        AxisOrder.Resolve(inputs[0], Axes);
        return inputs[0];
    }

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        Shape normalised = Normalised(inputs[0]);
        _gamma = Scale ? AddParameter("gamma", normalised, Initializers.Ones) : null;
        _beta = Center ? AddParameter("beta", normalised, Initializers.Zeros) : null;
    }

    /// <inheritdoc/>
    protected override bool AcceptsOtherInput(Shape[] built, Shape[] inputs) => Normalised(built[0]).Equals(Normalised(inputs[0]));

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = inputs[0];
        var op = new LayerNormOp(Epsilon);
        AxisOrder order = AxisOrder.Last(x.Shape.Rank, AxisOrder.Resolve(x.Shape.Tail(), Axes));
        var row = new Shape(checked((int)Normalised(x.Shape.Tail()).Count));
        Tensor gamma = _gamma is null ? Filled(tape, row, 1) : Flat(tape, _gamma), beta = _beta is null ? Filled(tape, row, 0) : Flat(tape, _beta);
        if (order.IsIdentity && Axes.Count == 1)
            return tape.Run(op, x, gamma, beta);
        Tensor t = order.IsIdentity ? x : tape.Run(order.There, x);
        Shape ordered = t.Shape;
        Tensor rows = tape.Run(new ReshapeOp(-1, row[0]), t);
        if (t != x)
            tape.Release(t);
        Tensor y = Then(tape, Then(tape, rows, op, gamma, beta), new ReshapeOp([.. ordered]));
        return order.IsIdentity ? y : Then(tape, y, order.Back);
    }

    /// <summary>Extents of the normalised axes, in the input's order.</summary>
    private Shape Normalised(Shape sample) => new([.. AxisOrder.Resolve(sample, Axes).Order().Select(a => sample[a - 1])]);

    private static Tensor Flat(Tape tape, Parameter parameter)
    {
        Tensor value = Use(tape, parameter);
        return value.Shape.Rank == 1 ? value : tape.Run(new ReshapeOp(-1), value);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["epsilon"] = Epsilon;
        config["axes"] = new JsonArray([.. Axes.Select(a => (JsonNode)a)]);
        config["scale"] = Scale;
        config["center"] = Center;
    }

    // Model files of the first version have the epsilon alone.
    internal static Layer Read(JsonNode config) => new LayerNormalization
    {
        Epsilon = (float)config["epsilon"]!,
        Axes = config["axes"] is JsonArray axes ? [.. axes.Select(a => (int)a!)] : [-1],
        Scale = (bool?)config["scale"] ?? true,
        Center = (bool?)config["center"] ?? true,
    };
}
