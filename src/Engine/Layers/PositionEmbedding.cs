using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Adds a learned row to each place of a sequence: y[n,t] = x[n,t] + embeddings[t].</summary>
/// <remarks>x, y [N,T,C], embeddings [positions,C] uniform in ±0.05. Matches KerasNLP's PositionEmbedding, added.</remarks>
/// <param name="positions">The longest sequence.</param>
public sealed class PositionEmbedding(int positions) : Layer
{
    private Parameter? _table;

    /// <summary>The longest sequence.</summary>
    public int Positions { get; } = positions;

    /// <summary>Fills the rows of a new layer.</summary>
    public Initializer EmbeddingsInitializer { get; init; } = Initializers.RandomUniform;

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs)
    {
        if (inputs[0].Rank != 2)
            throw new ShapeException($"{ClassName} takes [T,C], not {inputs[0]}.");
        return inputs[0][0] <= Positions ? inputs[0]
            : throw new ShapeException($"{ClassName} '{Name}' has {Positions} positions; the input {inputs[0]} has {inputs[0][0]}. Take shorter sequences.");
    }

    /// <inheritdoc/>
    protected override void CreateParameters(ReadOnlySpan<Shape> inputs) =>
        _table = AddParameter("embeddings", new Shape(Positions, inputs[0][1]), EmbeddingsInitializer);

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        Tensor table = Use(tape, _table!);
        int length = inputs[0].Shape[1];
        if (length == Positions)
            return tape.Run(new BinaryOp(BinaryFormula.Add), inputs[0], table);
        Tensor rows = tape.Run(new SliceOp(0, 0, length), table);
        Tensor y = tape.Run(new BinaryOp(BinaryFormula.Add), inputs[0], rows);
        tape.Release(rows);
        return y;
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config) => config["positions"] = Positions;

    internal static Layer Read(JsonNode config) => new PositionEmbedding((int)config["positions"]!);
}
