using System.Text.Json.Nodes;
using Graft;
using Graft.Autograd;
using Graft.Layers;

namespace Outside;

/// <summary>A wrapper around any layer, which it runs twice.</summary>
public sealed class Twice(Layer layer) : Layer
{
    private readonly Layer[] _inner = [layer];

    protected override IReadOnlyList<Layer> Inner => _inner;

    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => layer.OutputShape([layer.OutputShape(inputs)]);

    protected override void CreateParameters(ReadOnlySpan<Shape> inputs) => BuildInner(layer, inputs);

    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => CallInner(tape, layer, CallInner(tape, layer, inputs));

    protected override void WriteConfig(JsonObject config) => config["layer"] = WriteLayer(layer);
}
