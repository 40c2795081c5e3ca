using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>An embedding read backwards: y[n,t,v] = sum over c of x[n,t,c] embeddings[v,c]. It has no parameters of its own.</summary>
/// <remarks>
/// x [N,..,C], y [N,..,V]. The output layer of language models whose weights are tied to the embedding (Press and Wolf 2017, arXiv:1608.05859);
/// the gradients of both uses add up.
/// </remarks>
public sealed class TiedDense : Layer
{
    private readonly string _embeddingName;
    private Embedding? _embedding;

    /// <summary>Ties a new layer to an embedding of the same graph.</summary>
    public TiedDense(Embedding embedding) => (_embedding, _embeddingName) = (embedding, "");

    private TiedDense(string embeddingName) => _embeddingName = embeddingName;

    /// <summary>The embedding whose rows are used.</summary>
    public Embedding Embedding => _embedding ?? throw new GraftException($"Layer '{Name}' is tied to an embedding '{_embeddingName}' that its graph does not have.");

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank >= 1 && inputs[0][-1] == Embedding.Size
        ? new Shape([.. inputs[0].Dims[..^1], Embedding.Vocabulary])
        : throw new ShapeException($"{ClassName} takes [..,{Embedding.Size}], the row length of embedding '{Embedding.Name}', not {inputs[0]}.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) =>
        tape.Run(new MatMulOp(transposeB: true), inputs[0], Use(tape, Embedding.Parameters[0]));

    internal override void Resolve(IReadOnlyList<Layer> layers) => _embedding ??= layers.OfType<Embedding>().FirstOrDefault(l => l.Name == _embeddingName);

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["embedding"] = Embedding.Name;

    internal static Layer Read(JsonNode config) => new TiedDense((string)config["embedding"]!);
}
