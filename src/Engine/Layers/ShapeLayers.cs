using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>One row a sample: [N,H,W,C] to [N,H·W·C], row-major, as Keras flattens images.</summary>
public sealed class Flatten : Layer
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => new(checked((int)inputs[0].Count));

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new ReshapeOp(0, (int)inputs[0].Shape.Tail().Count), inputs[0]);
}

/// <summary>The same numbers under another shape (without the batch axis; one extent may be -1). Matches Keras's Reshape.</summary>
/// <param name="target">The new shape.</param>
public sealed class Reshape(params int[] target) : Layer
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => new ReshapeOp(target).InferShape([inputs[0]]);

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new ReshapeOp([0, .. OutputShape([inputs[0].Shape.Tail()])]), inputs[0]);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["target"] = new JsonArray([.. target.Select(d => (JsonNode)d)]);

    internal static Layer Read(JsonNode config) => new Reshape([.. config["target"]!.AsArray().Select(d => (int)d!)]);
}

/// <summary>Reorders the axes after the batch axis, counted from 1. Matches Keras's Permute.</summary>
/// <param name="axes">For each new axis, the old one.</param>
public sealed class Permute(params int[] axes) : Layer
{
    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        Shape x = inputs[0];
        return axes.Length == x.Rank && axes.Order().SequenceEqual(Enumerable.Range(1, x.Rank))
            ? new Shape([.. axes.Select(a => x[a - 1])])
            : throw new ShapeException($"Permute({string.Join(',', axes)}) does not name each of the axes 1 to {x.Rank} of {x} once.");
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new PermuteOp([0, .. axes]), inputs[0]);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["axes"] = new JsonArray([.. axes.Select(d => (JsonNode)d)]);

    internal static Layer Read(JsonNode config) => new Permute([.. config["axes"]!.AsArray().Select(d => (int)d!)]);
}

/// <summary>Zeros around an image. Matches Keras's ZeroPadding2D.</summary>
/// <param name="border">Rows and columns to add.</param>
public sealed class ZeroPadding2D(Padding2D border) : Layer
{
    /// <summary>Rows and columns added.</summary>
    public Padding2D Border { get; } = border;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == 3
        ? new Shape(inputs[0][0] + Border.Top + Border.Bottom, inputs[0][1] + Border.Left + Border.Right, inputs[0][2])
        : throw new ShapeException($"takes images [H,W,C], not {inputs[0]}.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new Pad2DOp(Border), inputs[0]);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["border"] = new JsonArray(Border.Top, Border.Bottom, Border.Left, Border.Right);

    internal static Layer Read(JsonNode config)
    {
        JsonArray b = config["border"]!.AsArray();
        return new ZeroPadding2D(new Padding2D((int)b[0]!, (int)b[1]!, (int)b[2]!, (int)b[3]!));
    }
}
