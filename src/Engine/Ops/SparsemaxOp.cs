using Graft.Kernels;

namespace Graft.Ops;

/// <summary>Sparsemax over the last axis: x [..,C] to [..,C]. Source: <see cref="SparsemaxKernels"/>.</summary>
public sealed class SparsemaxOp : Op
{
    /// <inheritdoc/>
    public override string Name => "Sparsemax";

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override bool KeepsOutput => true;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        ShapeCheck.HasLastAxis(Name, inputs[0]);
        return inputs[0];
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call) => call.Kernels.Sparsemax.Forward(Geometry(call), call.In(0).Data, call.Output.Data);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        var (dx, beta) = call.GradIn(0);
        call.Kernels.Sparsemax.BackwardInput(Geometry(call), call.Output.Data, call.GradOut, dx, beta);
    }

    private static SparsemaxGeometry Geometry(OpCall call) => new(ShapeCheck.Rows(call.Output.Shape), call.Output.Shape[-1]);
}
