using Graft.Kernels;

namespace Graft.Ops;

/// <summary>
/// The adjoint of a convolution: x [N,P,Q,I], w [I,R,S,O] to y [N,H,W,O], where the convolution of y by w with this stride,
/// dilation and padding has the shape of x.
/// </summary>
/// <remarks>
/// y[n,h,w,o] = sum over i,r,s and all (p,q) with p strideH + r dilationH - top = h (likewise w) of x[n,p,q,i] w[i,r,s,o]. Forward is
/// the convolution's BackwardInput, backward its Forward and BackwardWeight with x and dy exchanged. Dumoulin and Visin 2016,
/// arXiv:1603.07285, section 4; matches keras.layers.Conv2DTranspose up to layout.
/// </remarks>
/// <param name="outH">Output height H.</param>
/// <param name="outW">Output width W.</param>
/// <param name="strideH">Output rows between input rows.</param>
/// <param name="strideW">Output columns between input columns.</param>
/// <param name="dilationH">Rows between the weights of a filter; 1 for a dense filter.</param>
/// <param name="dilationW">Columns between the weights of a filter.</param>
/// <param name="padding">Rows and columns of the full result that are cut off.</param>
public sealed class Conv2DTransposeOp(int outH, int outW, int strideH, int strideW, int dilationH, int dilationW, Padding2D padding) : Op
{
    /// <inheritdoc/>
    public override string Name => "Conv2DTranspose";

    /// <summary>Output rows between input rows.</summary>
    public int StrideH => strideH;

    /// <summary>Output columns between input columns.</summary>
    public int StrideW => strideW;

    /// <summary>Rows between the weights of a filter.</summary>
    public int DilationH => dilationH;

    /// <summary>Columns between the weights of a filter.</summary>
    public int DilationW => dilationW;

    /// <summary>Rows and columns of the full result that are cut off.</summary>
    public Padding2D Padding => padding;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 2, 2, "x and weight");
        Shape x = inputs[0], w = inputs[1];
        ShapeCheck.Rank(Name, "input", x, 4, "[N,H,W,C]");
        ShapeCheck.Rank(Name, "weight", w, 4, "[in,h,w,out]");
        if (x[3] != w[0])
        {
            throw new ShapeException(
                $"Conv2DTranspose: input {x} has {x[3]} channels, weight {w} takes {w[0]}. Images are [N,H,W,C], weights [in,h,w,out].");
        }
        Conv2DGeometry g = Geometry(x, w);
        if (g.OutH != x[1] || g.OutW != x[2])
        {
            throw new ShapeException(
                $"Conv2DTranspose: an output of {outH}x{outW} convolved by {w[1]}x{w[2]} filters gives {g.OutH}x{g.OutW} pixels, "
                + $"but input {x} has {x[1]}x{x[2]}; give an output size that this stride and padding lead back to the input.");
        }
        return new Shape(g.N, outH, outW, g.C);
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
            Backward(call, call.Kernels.Narrow.Conv2D, call.Kernels.Narrow.Accumulate);
        else
            Backward(call, call.Kernels.Conv2D, call.Kernels.Memory.Accumulate);
    }

    private void Forward<T>(OpCall call, Conv2DKernels<T> kernels)
        where T : unmanaged => kernels.BackwardInput(Geometry(call), call.In(0).As<T>(), call.Weight<T>(1), call.Output.As<T>(), 0);

    private void Backward<T>(OpCall call, Conv2DKernels<T> kernels, Action<DevicePtr<T>, DevicePtr<T>, long, float> accumulate)
        where T : unmanaged
    {
        Conv2DGeometry g = Geometry(call);
        if (call.Needs(0))
        {
            var (dx, beta) = call.GradIn<T>(0);
            DevicePtr<T> fresh = beta == 0 ? dx : call.Temporary<T>(call.In(0).Count); // Forward only writes
            kernels.Forward(g, call.GradOutAs<T>(), call.Weight<T>(1), DevicePtr<float>.Null, fresh);
            if (beta != 0)
                accumulate(fresh, dx, call.In(0).Count, beta);
        }
        if (call.Needs(1))
        {
            var (dw, beta) = call.GradIn(1);
            kernels.BackwardWeight(g, call.GradOutAs<T>(), call.In(0).As<T>(), dw, beta);
        }
    }

    private Conv2DGeometry Geometry(OpCall call) => Geometry(call.In(0).Shape, call.In(1).Shape);

    /// <summary>Of the convolution that leads from y back to x: its input is y, its output channels are x's.</summary>
    private Conv2DGeometry Geometry(Shape x, Shape w) =>
        new(x[0], outH, outW, w[3], w[0], w[1], w[2], strideH, strideW, dilationH, dilationW, padding, 1);
}
