namespace Graft.Inference;

/// <summary>A reshape is the same memory under another shape: no step. Dropout in inference and Flatten are such.</summary>
internal static class RemoveReshape
{
    public static bool TryApply(PlanBuilder builder, TracedOp op)
    {
        if (!op.Op.IsView)
            return false;
        PlanValue x = builder.ValueOf(op.Inputs[0]);
        if (x.Constant is not null)
            return false;
        if (x.Shape.Equals(op.Output.Shape))
            builder.Forward(op.Output, x);
        else
            builder.Set(op.Output, new PlanValue(op.Output.Shape) { ViewOf = builder.Materialize(x), IsNonNegative = x.IsNonNegative });
        return true;
    }
}
