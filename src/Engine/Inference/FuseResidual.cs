using Graft.Kernels;
using Graft.Ops;

namespace Graft.Inference;

/// <summary>The sum of a convolution or dense layer and something of the same shape is made while that stores its output.</summary>
internal static class FuseResidual
{
    public static bool TryApply(PlanBuilder builder, TracedOp op)
    {
        if (op.Op is not BinaryOp { Formula: BinaryFormula.Add } || !op.Inputs[0].Shape.Equals(op.Inputs[1].Shape))
            return false;
        PlanValue a = builder.ValueOf(op.Inputs[0]), b = builder.ValueOf(op.Inputs[1]);
        FusedNode? left = Candidate(a), right = Candidate(b);
        if (left is null && right is null)
            return false;
        // The later one: the other value is there when it runs, and waits the shortest time.
        bool takeRight = left is null || (right is not null && builder.PlaceOf(right) > builder.PlaceOf(left));
        FusedNode node = takeRight ? right! : left!;
        PlanValue residual = builder.Materialize(takeRight ? a : b);
        if (residual.Constant is not null)
            return false;
        node.Inputs.Add(residual);
        node.Layers.Add(op.Layer);
        builder.MoveToEnd(node);
        builder.Forward(op.Output, node.Output);
        return true;
    }

    private static FusedNode? Candidate(PlanValue value) => PlanBuilder.Open(value) is { Residual: null } node ? node : null;
}
