using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>A range of an axis: positions start to start + length - 1. Source: <see cref="SliceOp"/>.</summary>
/// <param name="axis">The axis, counted with the batch axis as 0: from 1 on.</param>
/// <param name="start">The first position.</param>
/// <param name="length">How many positions, one or more.</param>
public sealed class Slice(int axis, int start, int length) : Layer
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => axis >= 1 && axis <= inputs[0].Rank && length >= 1
        ? new SliceOp(axis - 1, start, length).InferShape(inputs)
        : throw new ShapeException($"cuts {length} positions of axis {axis}; one or more of axis 1 to {inputs[0].Rank} of {inputs[0]}, behind the batch axis, can be cut.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new SliceOp(axis, start, length), inputs[0]);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["axis"] = axis;
        config["start"] = start;
        config["length"] = length;
    }

    internal static Layer Read(JsonNode config) => new Slice((int)config["axis"]!, (int)config["start"]!, (int)config["length"]!);
}
