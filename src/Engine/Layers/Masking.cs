using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Says which steps are padding: those whose features all equal a value. They become zeros and carry a mask. Matches Keras's Masking.</summary>
/// <remarks>x, y [N,T,C]; the mask travels with y, see docs/internals.md.</remarks>
/// <param name="maskValue">The value that padding consists of.</param>
public sealed class Masking(float maskValue = 0) : Layer
{
    /// <summary>The value that padding consists of.</summary>
    public float MaskValue { get; } = maskValue;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank >= 2 ? inputs[0]
        : throw new ShapeException($"takes sequences [T,..,C], not {inputs[0]}.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => Call(tape, MaskedTensor.Of(inputs))[0].Value;

    internal override MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
    {
        Tensor x = inputs[0].Value;
        Tensor differs = tape.Run(new UnaryOp(UnaryFormula.NotEqual, MaskValue), x);
        Tensor counts = Then(tape, differs, new ReduceOp(ReduceFormula.Max, [-1], keepDims: true)); // [N,T,1]
        Tensor y = tape.Run(new BinaryOp(BinaryFormula.Multiply), x, counts);
        return [new MaskedTensor(y, tape.Run(new ReshapeOp([.. counts.Shape.Dims[..^1]]), counts))];
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["mask_value"] = MaskValue;

    internal static Layer Read(JsonNode config) => new Masking((float)config["mask_value"]!);
}
