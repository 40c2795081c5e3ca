using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>A dense layer whose features have more than one axis on one side: [..,D] to [..,H,K], or back. What attention layers are made of; Keras's EinsumDense.</summary>
/// <remarks>kernel [in axes, out axes], Glorot-uniform as Keras counts it; bias [out axes] zeros.</remarks>
/// <param name="input">The axes that are summed over: the last ones of x.</param>
/// <param name="output">The axes in their place.</param>
/// <param name="useBias">False leaves the bias out.</param>
internal sealed class HeadProjection(Shape input, Shape output, bool useBias) : Layer
{
    private Parameter? _kernel, _bias;

    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => new([.. inputs[0].Dims[..^input.Rank], .. output]);

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs)
    {
        _kernel = AddParameter("kernel", new Shape([.. input, .. output]), Initializers.GlorotUniformDepthwise);
        if (useBias)
            _bias = AddParameter("bias", output, Initializers.Zeros);
    }

    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        int from = (int)input.Count, to = (int)output.Count;
        int[] before = [.. inputs[0].Shape.Dims[..^input.Rank]];
        Tensor x = tape.Run(new ReshapeOp([.. before, from]), inputs[0]), kernel = tape.Run(new ReshapeOp(from, to), Use(tape, _kernel!));
        Tensor y = _bias is null ? tape.Run(new DenseOp(), x, kernel) : tape.Run(new DenseOp(), x, kernel, tape.Run(new ReshapeOp(to), Use(tape, _bias)));
        tape.Release(x);
        return Then(tape, y, new ReshapeOp([.. before, .. output]));
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => throw new InvalidOperationException("A projection is written by the attention layer that it belongs to.");
}
