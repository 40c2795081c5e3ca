using Graft.Kernels;

namespace Graft.Ops;

/// <summary>
/// Cross-entropy over classes from logits, a number a row: logits [..,K], labels [..,K] or, sparse, [..] or [..,1] to
/// loss [..]. Source: <see cref="SoftmaxCrossEntropyKernels"/>.
/// </summary>
/// <param name="sparse">True where labels are class indices (as floats); an index that names no class gives loss 0.</param>
/// <param name="labelSmoothing">s: a label t becomes t (1 - s) + s / K.</param>
public sealed class SoftmaxCrossEntropyOp(bool sparse, float labelSmoothing = 0) : Op
{
    /// <inheritdoc/>
    public override string Name => "SoftmaxCrossEntropy";

    /// <inheritdoc/>
    public override bool IsDifferentiable(int index) => index == 0;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 2, 2, "logits, labels");
        return ShapeCheck.ClassLoss(Name, inputs[0], inputs[1], sparse);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.In(0).Type.IsNarrow())
            Forward(call, call.Kernels.Narrow.SoftmaxCrossEntropy);
        else
            Forward(call, call.Kernels.SoftmaxCrossEntropy);
    }

    internal override bool ReadsNarrow(int index) => index == 0;

    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    internal override bool MakesNarrow => false;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.In(0).Type.IsNarrow())
            Backward(call, call.Kernels.Narrow.SoftmaxCrossEntropy);
        else
            Backward(call, call.Kernels.SoftmaxCrossEntropy);
    }

    private void Forward<T>(OpCall call, SoftmaxCrossEntropyKernels<T> kernels)
        where T : unmanaged => kernels.Forward(Geometry(call), call.In(0).As<T>(), call.In(1).Data, call.Output.Data);

    private void Backward<T>(OpCall call, SoftmaxCrossEntropyKernels<T> kernels)
        where T : unmanaged
    {
        DevicePtr<T> x = call.In(0).As<T>();
        var (dx, beta) = call.GradOverInput<T>(0); // logits over a vocabulary are the largest tensor of a step: a second one is not taken
        kernels.BackwardInput(Geometry(call), x, call.In(1).Data, call.GradOut, dx, beta);
    }

    private ClassLossGeometry Geometry(OpCall call) => new(call.Output.Count, call.In(0).Shape[-1], sparse, labelSmoothing);
}
