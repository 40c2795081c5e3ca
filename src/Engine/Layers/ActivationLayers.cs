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
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => Activation.Apply(tape, tape.Run(new ReshapeOp([.. inputs[0].Shape]), inputs[0]));

    internal override void WriteConfig(JsonObject config) => config["activation"] = Activation.ToString();

    internal static Layer Read(JsonNode config) => new ActivationLayer(Enum.Parse<Activation>((string)config["activation"]!));
}

/// <summary>max(x, 0) as a layer.</summary>
public sealed class ReLU : Layer
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new UnaryOp(UnaryFormula.ReLU), inputs[0]);

    internal override void WriteConfig(JsonObject config)
    {
    }
}

/// <summary>x above 0, slope · x below. Matches Keras 3's LeakyReLU (negative_slope 0.3).</summary>
/// <param name="slope">Factor below 0.</param>
public sealed class LeakyReLU(float slope = 0.3f) : Layer
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new UnaryOp(UnaryFormula.LeakyReLU, slope), inputs[0]);

    internal override void WriteConfig(JsonObject config) => config["negative_slope"] = slope;

    internal static Layer Read(JsonNode config) => new LeakyReLU((float)config["negative_slope"]!);
}

/// <summary>e^x over the sum of the last axis, as a layer.</summary>
public sealed class Softmax : Layer
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0];

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new SoftmaxOp(), inputs[0]);

    internal override void WriteConfig(JsonObject config)
    {
    }
}
