using Graft.Kernels;
using Graft.Ops;

namespace Graft.Inference;

/// <summary>A convolution of one group with weights that are constants of the plan becomes a fused one.</summary>
internal static class FreezeConv
{
    public static bool TryApply(PlanBuilder builder, TracedOp op)
    {
        if (op.Op is not Conv2DOp { Groups: 1 } conv)
            return false;
        Tensor? kernel = builder.ValueOf(op.Inputs[1]).Constant, bias = op.Inputs.Length > 2 ? builder.ValueOf(op.Inputs[2]).Constant : null;
        if (kernel is null || (op.Inputs.Length > 2 && bias is null) || builder.ValueOf(op.Inputs[0]).Constant is not null)
            return false;
        (PlanValue image, Padding2D border) = MergePadding.Split(builder.ValueOf(op.Inputs[0]));
        var output = new PlanValue(op.Output.Shape);
        builder.Set(op.Output, output);
        var frozen = new FrozenConv(conv, new FrozenWeights(kernel, bias), MergePadding.Sum(conv.Padding, border));
        builder.Append(new ConvNode(frozen) { Output = output, Inputs = { image }, Layers = { op.Layer }, IsFrozen = builder.IsFrozen });
        return true;
    }
}
