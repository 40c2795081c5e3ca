using Graft.Kernels;

namespace Graft.Ops;

/// <summary>A dense layer: x [..,I], w [I,O], optional b [O] to [..,O].</summary>
public sealed class DenseOp : Op
{
    /// <inheritdoc/>
    public override string Name => "Dense";

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => index < 2;

    /// <inheritdoc/>
    public override bool KeepsInput(int index, OpCall call) => index < 2 && call.Needs(1 - index); // each is a factor in the gradient of the other

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 2, 3, "x, weight and, if wanted, bias");
        ShapeCheck.HasLastAxis(Name, inputs[0]);
        ShapeCheck.Rank(Name, "weight", inputs[1], 2, "[in,out]");
        if (inputs[0][-1] != inputs[1][0])
        {
            throw new ShapeException(
                $"Dense: input {inputs[0]} has {inputs[0][-1]} features but weight {inputs[1]} takes {inputs[1][0]}. Weights are [in,out].");
        }
        ShapeCheck.Bias(Name, inputs, inputs[1][1]);
        return new Shape([.. inputs[0].Dims[..^1], inputs[1][1]]);
    }

    /// <inheritdoc/>
    public override long Flops(ReadOnlySpan<Shape> inputs) => Geometry(inputs[0], inputs[1]).Flops;

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
            Forward(call, call.Kernels.Narrow.TrainedDense);
        else
            Forward(call, call.Kernels.Dense);
    }

    internal override bool ReadsNarrow(int index) => index == 0;

    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => inputs[0].Count > 0 && inputs[1].Count > 0;

    internal override bool BeginsNarrow => true;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.TrainedDense);
        else
            Backward(call, call.Kernels.Dense);
    }

    private static void Forward<T>(OpCall call, DenseKernels<T> kernels)
        where T : unmanaged => kernels.Forward(Geometry(call), call.In(0).As<T>(), call.Weight<T>(1), call.InOrNull(2), call.Output.As<T>());

    private static void Backward<T>(OpCall call, DenseKernels<T> kernels)
        where T : unmanaged
    {
        DenseGeometry g = Geometry(call);
        bool needsWeight = call.Needs(1) && !call.TryDeferGradient(1, call.In(0), g);
        if (call.Needs(0) && needsWeight && call.In(0) != call.In(1))
        {
            var (dx, betaX) = call.GradIn<T>(0);
            var (dw, betaW) = call.GradIn(1);
            kernels.BackwardFactors(g, call.In(0).As<T>(), call.Weight<T>(1), call.GradOutAs<T>(), dx, betaX, dw, betaW);
        }
        else
        {
            BackwardApart(call, kernels, g, needsWeight);
        }
        if (call.Needs(2))
        {
            var (db, beta) = call.GradIn(2);
            kernels.BackwardBias(g, call.GradOutAs<T>(), db, beta);
        }
    }

    private static void BackwardApart<T>(OpCall call, DenseKernels<T> kernels, in DenseGeometry g, bool needsWeight)
        where T : unmanaged
    {
        if (call.Needs(0))
        {
            var (dx, beta) = call.GradIn<T>(0);
            kernels.BackwardInput(g, call.GradOutAs<T>(), call.Weight<T>(1), dx, beta);
        }
        if (needsWeight)
        {
            var (dw, beta) = call.GradIn(1);
            kernels.BackwardWeight(g, call.In(0).As<T>(), call.GradOutAs<T>(), dw, beta);
        }
    }

    private static DenseGeometry Geometry(OpCall call) => Geometry(call.In(0).Shape, call.In(1).Shape);

    private static DenseGeometry Geometry(Shape x, Shape w) => new(checked((int)ShapeCheck.Rows(x)), w[0], w[1]);
}
