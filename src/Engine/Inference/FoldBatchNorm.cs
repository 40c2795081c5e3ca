using Graft.Kernels;
using Graft.Ops;

namespace Graft.Inference;

/// <summary>
/// Batch normalisation by moving statistics is a factor and a summand for each channel; behind a convolution they go into its weights and
/// bias: w gamma / sqrt(variance + epsilon), (b - mean) gamma / sqrt(variance + epsilon) + beta.
/// </summary>
internal static class FoldBatchNorm
{
    public static bool TryApply(PlanBuilder builder, TracedOp op)
    {
        if (op.Op is not BatchNormOp { Activation: FusedActivation.None } norm || PlanBuilder.OpenConv(builder.ValueOf(op.Inputs[0])) is not { Residual: null, Conv.Weights.BatchNorm: null } node)
            return false;
        for (int i = 1; i < op.Inputs.Length; i++)
        {
            if (builder.ValueOf(op.Inputs[i]).Constant is null)
                return false;
        }
        var folded = new FoldedBatchNorm(op.Inputs[1], op.Inputs[2], op.Inputs[3], op.Inputs[4], norm.Epsilon);
        node.Conv = node.Conv with { Weights = node.Conv.Weights with { BatchNorm = folded } };
        node.Layers.Add(op.Layer);
        builder.Forward(op.Output, node.Output);
        return true;
    }
}
