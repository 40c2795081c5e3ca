using Graft.Kernels;
using Graft.Ops;

namespace Graft.Inference;

/// <summary>
/// Zero padding becomes the padding of the convolution behind it, or of the maximum pooling where no number is negative (a zero then wins
/// nothing that padding would lose). Where something else reads the padded image, it is made after all.
/// </summary>
internal static class MergePadding
{
    public static bool TryApply(PlanBuilder builder, TracedOp op) => op.Op switch
    {
        Pad2DOp pad => Postpone(builder, op, pad),
        Pool2DOp { Kind: PoolKind.Max } pool => Merge(builder, op, pool),
        _ => false,
    };

    /// <summary>The image without its postponed padding, and that padding.</summary>
    public static (PlanValue Image, Padding2D Border) Split(PlanValue value) => value.PaddingOf is var (image, border) ? (image, border) : (value, Padding2D.None);

    /// <summary>Both paddings together.</summary>
    public static Padding2D Sum(Padding2D a, Padding2D b) => new(a.Top + b.Top, a.Bottom + b.Bottom, a.Left + b.Left, a.Right + b.Right);

    private static bool Postpone(PlanBuilder builder, TracedOp op, Pad2DOp pad)
    {
        PlanValue x = builder.Materialize(builder.ValueOf(op.Inputs[0]));
        if (x.Constant is not null)
            return false;
        builder.Set(op.Output, new PlanValue(op.Output.Shape) { PaddingOf = (x, pad.Padding), IsNonNegative = x.IsNonNegative });
        return true;
    }

    private static bool Merge(PlanBuilder builder, TracedOp op, Pool2DOp pool)
    {
        if (builder.ValueOf(op.Inputs[0]) is not { PaddingOf: var (image, border), IsNonNegative: true })
            return false;
        Pool2DOp merged = pool.WithPadding(Sum(pool.Padding, border));
        if (!merged.Covers(op.Output.Shape, image.Shape))
            return false;
        var output = new PlanValue(op.Output.Shape) { IsNonNegative = true };
        builder.Set(op.Output, output);
        builder.Append(new OpNode(merged) { Output = output, Inputs = { image }, Layers = { op.Layer }, IsFrozen = builder.IsFrozen });
        return true;
    }
}
