using Graft.Kernels;

namespace Graft.Ops;

/// <summary>Layer normalisation over the last axis: x [..,C], gamma [C], beta [C] to [..,C].</summary>
/// <param name="epsilon">Added to the (biased) variance.</param>
public sealed class LayerNormOp(float epsilon) : Op
{
    /// <inheritdoc/>
    public override string Name => "LayerNorm";

    /// <summary>Added to the variance.</summary>
    public float Epsilon => epsilon;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => index < 2;

    /// <inheritdoc/>
    public override Shape[] SavedShapes(ReadOnlySpan<Shape> inputs)
    {
        var rows = new Shape(checked((int)ShapeCheck.Rows(inputs[0])));
        return [rows, rows]; // mean and rstd, which is 1 / standard deviation
    }

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 3, 3, "x, gamma and beta");
        ShapeCheck.HasLastAxis(Name, inputs[0]);
        ShapeCheck.Vector(Name, "gamma", inputs[1], inputs[0][-1], inputs[0]);
        ShapeCheck.Vector(Name, "beta", inputs[2], inputs[0][-1], inputs[0]);
        return inputs[0];
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (!call.IsNarrow)
            Forward(call, call.Kernels.LayerNorm);
        else if (call.In(0).Type.IsNarrow())
            Forward(call, call.Kernels.Narrow.LayerNorm);
        else
            Forward(call, call.Kernels.Narrow.LayerNormOfFloat32);
    }

    internal override bool HasNarrowForward(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    internal override bool ReadsNarrow(int index) => index == 0;

    internal override void ForwardNarrow(NarrowCall call) =>
        call.Kernels.LayerNorm.Forward(Geometry(call.OutputShape), call.In(0), call.Float32(1), call.Float32(2), call.Output, DevicePtr<float>.Null, DevicePtr<float>.Null);

    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    internal override bool BeginsNarrow => true;

    internal override bool ReadsFloat32(int index) => index == 0;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (!call.IsNarrow)
            Backward(call, call.Kernels.LayerNorm);
        else if (call.In(0).Type.IsNarrow())
            Backward(call, call.Kernels.Narrow.LayerNorm);
        else
            Backward(call, call.Kernels.Narrow.LayerNormOfFloat32);
    }

    private void Forward<TX, T>(OpCall call, LayerNormKernels<TX, T> kernels)
        where TX : unmanaged
        where T : unmanaged =>
        kernels.Forward(Geometry(call.Output.Shape), call.In(0).As<TX>(), call.In(1).Data, call.In(2).Data, call.Output.As<T>(), call.Saved(0), call.Saved(1));

    private void Backward<TX, T>(OpCall call, LayerNormKernels<TX, T> kernels)
        where TX : unmanaged
        where T : unmanaged
    {
        LayerNormGeometry g = Geometry(call.Output.Shape);
        if (call.Needs(0))
        {
            var (dx, beta) = call.GradIn<TX>(0);
            kernels.BackwardInput(g, call.In(0).As<TX>(), call.GradOutAs<T>(), call.In(1).Data, call.Saved(0), call.Saved(1), dx, beta);
        }
        if (call.Needs(1))
        {
            var (dgamma, beta) = call.GradIn(1);
            kernels.BackwardScale(g, call.In(0).As<TX>(), call.GradOutAs<T>(), call.Saved(0), call.Saved(1), dgamma, beta);
        }
        if (call.Needs(2))
        {
            var (dbeta, beta) = call.GradIn(2);
            kernels.BackwardShift(g, call.GradOutAs<T>(), dbeta, beta);
        }
    }

    private LayerNormGeometry Geometry(Shape y) => new(ShapeCheck.Rows(y), y[-1], epsilon);
}
