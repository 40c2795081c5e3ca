using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Looks up a row for each id: y[n,t] = embeddings[ids[n,t]].</summary>
/// <remarks>ids [N,..] int32 or whole numbers as float32, embeddings [V,C] uniform in ±0.05, y [N,..,C]. Matches Keras's Embedding.</remarks>
/// <param name="vocabulary">V, the number of rows.</param>
/// <param name="size">C, the length of a row.</param>
public sealed class Embedding(int vocabulary, int size) : Layer
{
    private Parameter? _table;

    /// <summary>Number of rows.</summary>
    public int Vocabulary { get; } = vocabulary > 0 ? vocabulary : throw new ArgumentOutOfRangeException(nameof(vocabulary), vocabulary, "An Embedding has one row or more.");

    /// <summary>Length of a row.</summary>
    public int Size { get; } = size > 0 ? size : throw new ArgumentOutOfRangeException(nameof(size), size, "A row of an Embedding has one number or more.");

    /// <summary>Fills the rows of a new layer.</summary>
    public Initializer EmbeddingsInitializer { get; init; } = Initializers.RandomUniform;

    /// <summary>True makes id 0 padding: its steps carry a mask.</summary>
    public bool MaskZero { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => new([.. inputs[0].Dims, Size]);

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs) =>
        _table = AddParameter("embeddings", new Shape(Vocabulary, Size), EmbeddingsInitializer);

    /// <inheritdoc/>
    protected override bool AcceptsOtherInput(Shape[] built, Shape[] inputs) => true; // any number of ids

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new EmbeddingOp(), inputs[0], Use(tape, _table!));

    internal override MaskedTensor[] Call(Tape tape, ReadOnlySpan<MaskedTensor> inputs)
    {
        Tensor ids = inputs[0].Value, y = Forward(tape, [ids]);
        if (!MaskZero)
            return [new MaskedTensor(y)];
        var counts = new float[Vocabulary]; // ids, whole floats or integers, are looked up in 0, 1, 1, ..
        counts.AsSpan(1).Fill(1);
        Tensor mask = tape.Run(new EmbeddingOp(), ids, tape.Constant(new Shape(Vocabulary, 1), counts));
        return [new MaskedTensor(y, tape.Run(new ReshapeOp([.. ids.Shape]), mask))];
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["vocabulary"] = Vocabulary;
        config["size"] = Size;
        config["mask_zero"] = MaskZero;
    }

    internal static Layer Read(JsonNode config) => new Embedding((int)config["vocabulary"]!, (int)config["size"]!)
    {
        MaskZero = (bool?)config["mask_zero"] ?? false, // absent in older files
    };
}
