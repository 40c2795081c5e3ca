using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>A function of each element as a layer of its own: Keras's Activation.</summary>
/// <param name="activation">The function.</param>
public sealed class ActivationLayer(Activation activation) : Layer
{
    /// <summary>The function.</summary>
    public Activation Activation { get; } = activation;

    /// <inheritdoc/>
    public override string ClassName => "Activation";

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    internal override FusedActivation Fusible => Activation.Fused();

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => Activation.OutputShape(inputs[0]);

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => Activation.Apply(tape, tape.Run(new ReshapeOp([.. inputs[0].Shape]), inputs[0]));

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["activation"] = Activation.ToString();

    internal static Layer Read(JsonNode config) => new ActivationLayer(Enum.Parse<Activation>((string)config["activation"]!));
}

/// <summary>max(x, 0) as a layer, with Keras's options: MaxValue from MaxValue on, x from Threshold on, NegativeSlope · (x - Threshold) below.</summary>
/// <remarks>x, y of one shape. Matches Keras's ReLU.</remarks>
public sealed class ReLU : Layer
{
    /// <summary>The largest output, more than 0; null for none.</summary>
    public float? MaxValue { get; init; }

    /// <summary>Slope below the threshold, 0 or more.</summary>
    public float NegativeSlope { get; init; }

    /// <summary>Where the identity begins, 0 or more.</summary>
    public float Threshold { get; init; }

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    internal override FusedActivation Fusible => IsPlain ? Plain.Fused : FusedActivation.None;

    private bool IsPlain => Threshold == 0 && NegativeSlope == 0;

    private UnaryOp Plain => MaxValue is { } most ? new UnaryOp(UnaryFormula.ReLUMax, most) : new UnaryOp(UnaryFormula.ReLU);

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => MaxValue is null or > 0 && NegativeSlope >= 0 && Threshold >= 0 ? inputs[0]
        : throw new GraftException($"ReLU '{Name}': MaxValue {MaxValue} must be more than 0, NegativeSlope {NegativeSlope} and Threshold {Threshold} 0 or more.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = inputs[0];
        if (IsPlain)
            return tape.Run(Plain, x);
        if (Threshold == 0 && MaxValue is null)
            return tape.Run(new UnaryOp(UnaryFormula.LeakyReLU, NegativeSlope), x);
        Tensor above = tape.Run(new UnaryOp(UnaryFormula.Threshold, Threshold, MaxValue ?? float.PositiveInfinity), x);
        if (NegativeSlope == 0)
            return above;
        Tensor below = tape.Run(new UnaryOp(UnaryFormula.Scale, -1, Threshold), x); // slope (x - threshold) = -slope max(threshold - x, 0) there
        below = Then(tape, below, new UnaryOp(UnaryFormula.ReLU));
        below = Then(tape, below, new UnaryOp(UnaryFormula.Scale, -NegativeSlope));
        Tensor y = Then(tape, above, new BinaryOp(BinaryFormula.Add), below);
        tape.Release(below);
        return y;
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["max_value"] = MaxValue;
        config["negative_slope"] = NegativeSlope;
        config["threshold"] = Threshold;
    }

    // Model files of the first version have none of the options.
    internal static Layer Read(JsonNode config) => new ReLU
    {
        MaxValue = (float?)config["max_value"],
        NegativeSlope = (float?)config["negative_slope"] ?? 0,
        Threshold = (float?)config["threshold"] ?? 0,
    };
}

/// <summary>x above 0, slope · x below. Matches Keras 3's LeakyReLU (negative_slope 0.3).</summary>
/// <param name="slope">Factor below 0.</param>
public sealed class LeakyReLU(float slope = 0.3f) : Layer
{
    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new UnaryOp(UnaryFormula.LeakyReLU, slope), inputs[0]);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["negative_slope"] = slope;

    internal static Layer Read(JsonNode config) => new LeakyReLU((float)config["negative_slope"]!);
}

/// <summary>x above 0, alpha · (e^x - 1) below. Matches Keras's ELU. Clevert et al. 2016, arXiv:1511.07289.</summary>
/// <param name="alpha">Factor below 0, 0 or more.</param>
public sealed class ELU(float alpha = 1) : Layer
{
    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new UnaryOp(UnaryFormula.ELU, alpha), inputs[0]);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["alpha"] = alpha;

    internal static Layer Read(JsonNode config) => new ELU((float)config["alpha"]!);
}

/// <summary>x above a threshold, else 0. Matches Keras 2's ThresholdedReLU. Konda et al. 2015, arXiv:1402.3337.</summary>
/// <param name="theta">The threshold.</param>
public sealed class ThresholdedReLU(float theta = 1) : Layer
{
    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new UnaryOp(UnaryFormula.Threshold, theta, float.PositiveInfinity), inputs[0]);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["theta"] = theta;

    internal static Layer Read(JsonNode config) => new ThresholdedReLU((float)config["theta"]!);
}

/// <summary>e^x over the sum of an axis, or of several axes, as a layer. Matches Keras's Softmax.</summary>
/// <param name="axes">The axes whose numbers sum to 1, counted with the batch axis as 0, or from the end; none is the last.</param>
public sealed class Softmax(params int[] axes) : Layer
{
    private readonly int[] _axes = axes.Length == 0 ? [-1] : axes;

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        AxisOrder.Resolve(inputs[0], _axes);
        return inputs[0];
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor x = inputs[0];
        int[] together = AxisOrder.Resolve(x.Shape.Tail(), _axes);
        AxisOrder order = AxisOrder.Last(x.Shape.Rank, together);
        if (order.IsIdentity && together.Length == 1)
            return tape.Run(new SoftmaxOp(), x);
        Tensor t = tape.Run(order.There, x);
        Shape ordered = t.Shape;
        t = Then(tape, t, new ReshapeOp([.. ordered.Dims[..^together.Length], -1]));
        t = Then(tape, Then(tape, t, new SoftmaxOp()), new ReshapeOp([.. ordered]));
        return Then(tape, t, order.Back);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["axis"] = new JsonArray([.. _axes.Select(a => (JsonNode)a)]);

    // Model files of the first versions have one number, or none.
    internal static Layer Read(JsonNode config) => config["axis"] is JsonArray several ? new Softmax([.. several.Select(a => (int)a!)]) : new Softmax((int?)config["axis"] ?? -1);
}
