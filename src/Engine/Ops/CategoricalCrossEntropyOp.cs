using Graft.Kernels;

namespace Graft.Ops;

/// <summary>
/// Cross-entropy over classes from probabilities, a number a row: probabilities [..,K], labels [..,K] or, sparse, [..] or [..,1] to
/// loss [..]. Source: <see cref="CategoricalCrossEntropyKernels"/>.
/// </summary>
/// <param name="sparse">True where labels are class indices (as floats); an index that names no class gives loss 0.</param>
/// <param name="labelSmoothing">s: a label t becomes t (1 - s) + s / K.</param>
public sealed class CategoricalCrossEntropyOp(bool sparse, float labelSmoothing = 0) : Op
{
    /// <inheritdoc/>
    public override string Name => "CategoricalCrossEntropy";

    /// <inheritdoc/>
    public override bool IsDifferentiable(int index) => index == 0;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 2, 2, "probabilities, labels");
        return ShapeCheck.ClassLoss(Name, inputs[0], inputs[1], sparse);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call) =>
        call.Kernels.CategoricalCrossEntropy.Forward(Geometry(call), call.In(0).Data, call.In(1).Data, call.Output.Data);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        var (dx, beta) = call.GradIn(0);
        call.Kernels.CategoricalCrossEntropy.BackwardInput(Geometry(call), call.In(0).Data, call.In(1).Data, call.GradOut, dx, beta);
    }

    private ClassLossGeometry Geometry(OpCall call) => new(call.Output.Count, call.In(0).Shape[-1], sparse, labelSmoothing);
}
