using System.Text.Json.Nodes;
using Graft;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;
using Graft.Ops;

namespace Outside;

/// <summary>The layer of docs/extending.md: a weight, a config, an error of its own.</summary>
public sealed class Scale(float start) : Layer                                // y = x * scale, one number a channel
{
    private Parameter? _scale;

    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) =>          // shapes without the batch axis
        inputs[0].Rank > 0 ? inputs[0] : throw new ShapeException("takes channels; the input has none.");

    protected override void CreateParameters(ReadOnlySpan<Shape> inputs) =>   // called once, when the input's shape is known
        _scale = AddParameter("scale", new Shape(inputs[0][-1]), (_, _, values) => values.Fill(start));

    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => // tensors with the batch axis
        tape.Run(new BinaryOp(BinaryFormula.Multiply), inputs[0], Use(tape, _scale!));

    protected override void WriteConfig(JsonObject config) => config["start"] = start;
}
