using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>Self-attention in which a token sees itself and those before it, on queries, keys and values that a Dense layer before it has made.</summary>
/// <remarks>x [N,T,3C], y [N,T,C]; no parameters. Vaswani et al. 2017, arXiv:1706.03762, section 3.2; the inner part of GPT-2's attention.</remarks>
/// <param name="heads">Attention heads; they divide C.</param>
public sealed class CausalAttention(int heads) : Layer
{
    /// <summary>Attention heads.</summary>
    public int Heads { get; } = heads > 0 ? heads : throw new ArgumentOutOfRangeException(nameof(heads), heads, "Attention has one head or more.");

    /// <summary>What products of queries and keys are multiplied by; 0 for 1 / sqrt(C / Heads).</summary>
    public float Scale { get; init; }

    /// <summary>Share of the attention weights that is dropped in training, 0 to below 1.</summary>
    public float DropoutRate { get; init; }

    /// <inheritdoc/>
    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) => inputs[0].Rank == 2 && inputs[0][1] % (3 * Heads) == 0
        ? new Shape(inputs[0][0], inputs[0][1] / 3)
        : throw new ShapeException($"{ClassName} takes [T,3C] with C a multiple of its {Heads} heads, not {inputs[0]}.");

    /// <inheritdoc/>
    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs)
    {
        if (!tape.Training || DropoutRate == 0)
            return tape.Run(new CausalAttentionOp(Heads, Scale), inputs[0]);
        return tape.Run(new CausalAttentionOp(Heads, Scale, DropoutRate, NextSeed(tape)), inputs[0]);
    }

    /// <inheritdoc/>
    protected internal override void WriteConfig(JsonObject config)
    {
        config["heads"] = Heads;
        config["scale"] = Scale;
        config["dropout_rate"] = DropoutRate;
    }

    internal static Layer Read(JsonNode config) =>
        new CausalAttention((int)config["heads"]!) { Scale = (float)config["scale"]!, DropoutRate = (float)config["dropout_rate"]! };
}
