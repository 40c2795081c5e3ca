using System.Text.Json.Nodes;
using Graft.Autograd;

namespace Graft.Layers;

/// <summary>Where a model's input enters; computes nothing.</summary>
/// <param name="shape">Shape of one sample, without the batch axis.</param>
public sealed class InputLayer(Shape shape) : Layer
{
    /// <inheritdoc/>
    public override int InputCount => 0;

    /// <summary>Shape of one sample.</summary>
    public Shape SampleShape { get; } = shape;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => SampleShape;

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => inputs[0];

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) =>
        config["shape"] = new JsonArray([.. SampleShape.Dims.ToArray().Select(d => (JsonNode)d)]);
}
