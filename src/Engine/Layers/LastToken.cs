using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What a model makes of the last token of each sequence that is no padding: where a causal model has seen the whole text.</summary>
/// <remarks>x [N,T,C] and ids [N,T] to [N,C]; no parameters. Matches the pooling of transformers' GPT2ForSequenceClassification.</remarks>
/// <param name="padding">The id that fills sequences; null where nothing does, and the last row is taken.</param>
public sealed class LastToken(int? padding) : Layer
{
    /// <summary>The id that fills sequences; null where nothing does.</summary>
    public int? Padding { get; } = padding;

    /// <inheritdoc/>
    public override int InputCount => 2;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => new LastTokenOp(Padding).InferShape([inputs[0].Prepend(1), inputs[1].Prepend(1)]).Tail();

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new LastTokenOp(Padding), inputs[0], inputs[1]);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["padding"] = Padding;

    internal static Layer Read(JsonNode config) => new LastToken((int?)config["padding"]);
}
