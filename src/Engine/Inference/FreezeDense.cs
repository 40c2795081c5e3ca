using Graft.Kernels;
using Graft.Ops;

namespace Graft.Inference;

/// <summary>A dense layer whose weight is a constant of the plan reads it packed; an activation without parameters behind it is fused.</summary>
internal static class FreezeDense
{
    /// <summary>Larger weights (64 MiB) are read where they lie: a second copy of VGG16's first dense layer would be 400 MB.</summary>
    private const long MostFloats = 16 << 20;

    /// <summary>Narrower layers would pad their panels more than they gain.</summary>
    private const int FewestOutputs = 16;

    public static bool TryApply(PlanBuilder builder, TracedOp op)
    {
        if (op.Op is UnaryOp unary)
            return TryActivation(builder, op, unary);
        if (op.Op is not DenseOp)
            return false;
        Tensor? kernel = builder.ValueOf(op.Inputs[1]).Constant, bias = op.Inputs.Length > 2 ? builder.ValueOf(op.Inputs[2]).Constant : null;
        if (kernel is null || kernel.Shape.Rank != 2 || (!builder.IsNarrow && (kernel.Count > MostFloats || kernel.Shape[1] < FewestOutputs)) || (op.Inputs.Length > 2 && bias is null) || builder.ValueOf(op.Inputs[0]).Constant is not null)
            return false;
        var output = new PlanValue(op.Output.Shape);
        builder.Set(op.Output, output);
        PlanValue x = builder.Materialize(builder.ValueOf(op.Inputs[0]));
        builder.Append(new DenseNode(kernel, bias) { Output = output, Inputs = { x }, Layers = { op.Layer }, IsFrozen = builder.IsFrozen });
        return true;
    }

    private static bool TryActivation(PlanBuilder builder, TracedOp op, UnaryOp unary)
    {
        if (!IsPlain(unary.Formula) || PlanBuilder.Open(builder.ValueOf(op.Inputs[0])) is not DenseNode node)
            return false;
        node.Activation = unary.Formula;
        node.Output.IsNonNegative = FuseActivation.IsNonNegative(unary);
        if (node.Layers[^1] != op.Layer)
            node.Layers.Add(op.Layer);
        builder.Forward(op.Output, node.Output);
        return true;
    }

    /// <summary>True for activations without parameters.</summary>
    private static bool IsPlain(UnaryFormula formula) => formula is UnaryFormula.ReLU or UnaryFormula.SELU or UnaryFormula.Sigmoid or UnaryFormula.HardSigmoid
        or UnaryFormula.Tanh or UnaryFormula.Gelu or UnaryFormula.GeluTanh or UnaryFormula.SiLU or UnaryFormula.Mish or UnaryFormula.Softplus or UnaryFormula.Softsign
        or UnaryFormula.Exp;
}
