using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>In training, adds normal random numbers with mean 0; else does nothing. Matches Keras's GaussianNoise.</summary>
/// <param name="stddev">Their standard deviation, 0 or more.</param>
public sealed class GaussianNoise(float stddev) : Layer
{
    /// <summary>Standard deviation of the noise.</summary>
    public float StdDev { get; } = stddev >= 0 ? stddev : throw new ArgumentOutOfRangeException(nameof(stddev), stddev, "A standard deviation is 0 or more.");

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        if (!tape.Training || StdDev == 0)
            return tape.Run(new ReshapeOp([.. inputs[0].Shape]), inputs[0]);
        Tensor noise = tape.Run(RandomOp.Normal(0, StdDev, NextSeed(tape)), inputs[0]);
        Tensor y = tape.Run(new BinaryOp(BinaryFormula.Add), inputs[0], noise);
        tape.Release(noise);
        return y;
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["stddev"] = StdDev;

    internal static Layer Read(JsonNode config) => new GaussianNoise((float)config["stddev"]!);
}

/// <summary>Does nothing to its input, whose size costs in training: (l1 · sum |x| + l2 · sum x²) / batch size, added to the loss. Matches Keras's ActivityRegularization.</summary>
/// <remarks>Where no gradient passes through x, in a frozen part, it costs nothing; nor does it count in an evaluation.</remarks>
/// <param name="l1">Factor of the sum of magnitudes.</param>
/// <param name="l2">Factor of the sum of squares.</param>
public sealed class ActivityRegularization(float l1 = 0, float l2 = 0) : Layer
{
    private readonly Regularizer _cost = Regularizer.L1L2(l1, l2);

    /// <inheritdoc/>
    protected override bool PassesMask => true;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        if (tape.Training && tape.Wants(inputs[0]) && _cost.Cost(tape, inputs[0]) is { } cost)
            tape.AddPenalty(Then(tape, cost, new UnaryOp(UnaryFormula.Scale, 1f / inputs[0].Shape[0])));
        return tape.Run(new ReshapeOp([.. inputs[0].Shape]), inputs[0]);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["cost"] = Regularizer.Write(_cost);

    internal static Layer Read(JsonNode config) => new ActivityRegularization((float)config["cost"]!["l1"]!, (float)config["cost"]!["l2"]!);
}
