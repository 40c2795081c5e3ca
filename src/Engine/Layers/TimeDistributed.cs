using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Applies a layer to every step: steps are samples for it. Matches Keras's TimeDistributed.</summary>
/// <remarks>x [N,T,..], y [N,T,..]. Parameters are named by the layer inside: "time_distributed/dense/kernel".</remarks>
public sealed class TimeDistributed : Layer
{
    private readonly Layer[] _inner;

    /// <param name="layer">The layer, or a model.</param>
    public TimeDistributed(Layer layer)
    {
        _inner = [layer];
        new LayerNames().Add(layer);
    }

    /// <summary>What is applied to each step.</summary>
    public Layer Layer => _inner[0];

    /// <inheritdoc/>
    protected internal override IReadOnlyList<Layer> Inner => _inner;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank >= 2
        ? Layer.OutputShape([inputs[0].Tail()]).Prepend(inputs[0][0])
        : throw new ShapeException($"takes sequences [T,..], not {inputs[0]}.");

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs) => Layer.Build([inputs[0].Tail()]);

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => Call(tape, MaskedTensor.Of(inputs))[0].Value;

    internal override MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
    {
        (Tensor x, Tensor? mask) = inputs[0];
        int samples = x.Shape[0], steps = x.Shape[1];
        Tensor Folded(Tensor t) => tape.Run(new ReshapeOp([samples * steps, .. t.Shape.Dims[2..]]), t);
        // A mask of the steps says nothing of what is within a step; one of [N,T,inner steps] does.
        MaskedTensor step = new(Folded(x), mask is { Shape.Rank: > 2 } ? Folded(mask) : null);
        Tensor y = CallInner(tape, Layer, [step])[0].Value;
        Tensor result = tape.Run(new ReshapeOp([samples, steps, .. y.Shape.Dims[1..]]), y);
        tape.Release(step.Value); // views: the memory is the results'
        tape.Release(y);
        return [new MaskedTensor(result, mask)];
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["layer"] = GraphJson.WriteLayer(Layer);

    internal static Layer Read(JsonNode config, CustomLayers? custom) => new TimeDistributed(GraphJson.ReadLayer(config["layer"]!, custom));
}
