using Graft.Kernels;
using Graft.Ops;

namespace Graft.Inference;

/// <summary>ReLU and ReLU6 are applied while the convolution before them stores its output.</summary>
internal static class FuseActivation
{
    public static bool TryApply(PlanBuilder builder, TracedOp op)
    {
        FusedActivation activation = Of(op.Op);
        if (activation == FusedActivation.None || PlanBuilder.OpenConv(builder.ValueOf(op.Inputs[0])) is not { } node)
            return false;
        node.Activation = activation;
        node.Output.IsNonNegative = true;
        if (node.Layers[^1] != op.Layer)
            node.Layers.Add(op.Layer);
        builder.Forward(op.Output, node.Output);
        return true;
    }

    /// <summary>True for ops whose results are 0 or more, or NaN.</summary>
    public static bool IsNonNegative(Op op) => Of(op) != FusedActivation.None;

    private static FusedActivation Of(Op op) => op is UnaryOp unary ? unary.Fused : FusedActivation.None;
}
