using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;

namespace Graft.Layers;

/// <summary>What large weights cost: l1 · sum |w| + l2 · sum w², added to the loss in training and evaluation.</summary>
/// <remarks>
/// Matches keras.regularizers of Keras 3: the factor of L2 stands before the sum itself (no half), and frozen weights cost nothing.
/// Clipping and adaptive optimizers see the sum of both gradients; AdamW's decay is another thing.
/// </remarks>
public sealed record Regularizer
{
    private Regularizer(float l1, float l2)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(l1);
        ArgumentOutOfRangeException.ThrowIfNegative(l2);
        (FactorL1, FactorL2) = (l1, l2);
    }

    /// <summary>Factor of the sum of magnitudes.</summary>
    public float FactorL1 { get; }

    /// <summary>Factor of the sum of squares.</summary>
    public float FactorL2 { get; }

    /// <summary>factor · sum |w|.</summary>
    public static Regularizer L1(float factor = 0.01f) => new(factor, 0);

    /// <summary>factor · sum w².</summary>
    public static Regularizer L2(float factor = 0.01f) => new(0, factor);

    /// <summary>l1 · sum |w| + l2 · sum w².</summary>
    public static Regularizer L1L2(float l1 = 0, float l2 = 0) => new(l1, l2);

    /// <summary>The cost of a weight as a single number on the tape; null where both factors are 0.</summary>
    internal Tensor? Cost(Tape tape, Tensor weight)
    {
        Tensor? magnitudes = Sum(tape, UnaryFormula.Abs, FactorL1, weight), squares = Sum(tape, UnaryFormula.Square, FactorL2, weight);
        return magnitudes is null || squares is null ? magnitudes ?? squares : tape.Run(new BinaryOp(BinaryFormula.Add), magnitudes, squares);
    }

    private static Tensor? Sum(Tape tape, UnaryFormula formula, float factor, Tensor weight)
    {
        if (factor == 0)
            return null;
        Tensor terms = tape.Run(new UnaryOp(formula), weight);
        Tensor sum = tape.Run(new ReduceOp(ReduceFormula.Sum, []), terms);
        tape.Release(terms); // as large as the weight
        return tape.Run(new UnaryOp(UnaryFormula.Scale, factor), sum);
    }

    internal static JsonNode? Write(Regularizer? regularizer) =>
        regularizer is null ? null : new JsonObject { ["l1"] = regularizer.FactorL1, ["l2"] = regularizer.FactorL2 };

    internal static Regularizer? Read(JsonNode? config) => config is null ? null : new Regularizer((float)config["l1"]!, (float)config["l2"]!);
}
