using Graft.Kernels;

namespace Graft.Ops;

/// <summary>A convolution: x [N,H,W,C], w [O,R,S,C/groups], optional b [O] to [N,OutH,OutW,O].</summary>
/// <param name="strideH">Rows between windows.</param>
/// <param name="strideW">Columns between windows.</param>
/// <param name="dilationH">Rows between the weights of a filter; 1 for a dense filter.</param>
/// <param name="dilationW">Columns between the weights of a filter.</param>
/// <param name="padding">Zeros around the image.</param>
/// <param name="groups">Output channels of a group see the input channels of that group only; 1 for an ordinary convolution.</param>
public sealed class Conv2DOp(int strideH, int strideW, int dilationH, int dilationW, Padding2D padding, int groups) : Op
{
    /// <inheritdoc/>
    public override string Name => "Conv2D";

    /// <summary>Rows between windows.</summary>
    public int StrideH => strideH;

    /// <summary>Columns between windows.</summary>
    public int StrideW => strideW;

    /// <summary>Rows between the weights of a filter.</summary>
    public int DilationH => dilationH;

    /// <summary>Columns between the weights of a filter.</summary>
    public int DilationW => dilationW;

    /// <summary>Zeros around the image.</summary>
    public Padding2D Padding => padding;

    /// <summary>Groups of channels.</summary>
    public int Groups => groups;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => index < 2;

    /// <inheritdoc/>
    public override bool KeepsInput(int index, OpCall call) => index < 2 && call.Needs(1 - index); // each is a factor in the gradient of the other

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 2, 3, "x, weight and, if wanted, bias");
        Shape x = inputs[0], w = inputs[1];
        ShapeCheck.Rank(Name, "input", x, 4, "[N,H,W,C]");
        ShapeCheck.Rank(Name, "weight", w, 4, "[out,h,w,in]");
        if (x[3] != w[3] * groups)
        {
            throw new ShapeException(
                $"Conv2D: input {x} has {x[3]} channels, weight {w} takes {w[3] * groups} (in {groups} group(s)). "
                + "Images are [N,H,W,C], weights [out,h,w,in]; permute images from [N,C,H,W] with (0,2,3,1).");
        }
        if (w[0] % groups != 0)
            throw new ShapeException($"Conv2D: weight {w} has {w[0]} output channels, which do not divide into {groups} groups.");
        ShapeCheck.Bias(Name, inputs, w[0]);
        Conv2DGeometry g = Geometry(x, w);
        ShapeCheck.Window(Name, x, g.OutH, g.OutW, g.R, g.S);
        return new Shape(g.N, g.OutH, g.OutW, g.O);
    }

    /// <inheritdoc/>
    public override long Flops(ReadOnlySpan<Shape> inputs) => Geometry(inputs[0], inputs[1]).Flops;

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
            Forward(call, call.Kernels.Narrow.Conv2D);
        else
            Forward(call, call.Kernels.Conv2D);
    }

    internal override bool ReadsNarrow(int index) => index == 0;

    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => kernels.HasConvolutions;

    internal override bool BeginsNarrow => true;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.Conv2D);
        else
            Backward(call, call.Kernels.Conv2D);
    }

    private void Forward<T>(OpCall call, Conv2DKernels<T> kernels)
        where T : unmanaged => kernels.Forward(Geometry(call), call.In(0).As<T>(), call.Weight<T>(1), call.InOrNull(2), call.Output.As<T>());

    private void Backward<T>(OpCall call, Conv2DKernels<T> kernels)
        where T : unmanaged
    {
        Conv2DGeometry g = Geometry(call);
        if (call.Needs(0))
        {
            var (dx, beta) = call.GradIn<T>(0);
            kernels.BackwardInput(g, call.GradOutAs<T>(), call.Weight<T>(1), dx, beta);
        }
        if (call.Needs(1))
        {
            var (dw, beta) = call.GradIn(1);
            kernels.BackwardWeight(g, call.In(0).As<T>(), call.GradOutAs<T>(), dw, beta);
        }
        if (call.Needs(2))
        {
            var (db, beta) = call.GradIn(2);
            kernels.BackwardBias(g, call.GradOutAs<T>(), db, beta);
        }
    }

    private Conv2DGeometry Geometry(OpCall call) => Geometry(call.In(0).Shape, call.In(1).Shape);

    private Conv2DGeometry Geometry(Shape x, Shape w) =>
        new(x[0], x[1], x[2], x[3], w[0], w[1], w[2], strideH, strideW, dilationH, dilationW, padding, groups);
}
