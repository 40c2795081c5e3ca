using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>The positions of an axis from the last to the first: a sequence read backwards.</summary>
/// <param name="axis">The axis, counted with the batch axis as 0: from 1 on.</param>
public sealed class Reverse(int axis) : Layer
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => axis >= 1 && axis <= inputs[0].Rank ? inputs[0]
        : throw new ShapeException($"turns axis {axis}; {inputs[0]} has axes 1 to {inputs[0].Rank} behind the batch axis.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => Along(tape, inputs[0], axis);

    /// <summary>The same for any tensor on a tape.</summary>
    internal static Tensor Along(Tape tape, Tensor x, int axis)
    {
        int steps = x.Shape[axis];
        Tensor[] parts = [.. Enumerable.Range(0, steps).Select(t => tape.Run(new SliceOp(axis, steps - 1 - t, 1), x))];
        Tensor reversed = tape.Run(new ConcatOp(axis), parts);
        Array.ForEach(parts, tape.Release);
        return reversed;
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["axis"] = axis;

    internal static Layer Read(JsonNode config) => new Reverse((int)config["axis"]!);
}
