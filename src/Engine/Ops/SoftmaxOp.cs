using Graft.Kernels;

namespace Graft.Ops;

/// <summary>Softmax over the last axis, or its logarithm: x [..,C] to [..,C].</summary>
/// <param name="log">True for the logarithm, computed without exponentials that could vanish.</param>
public sealed class SoftmaxOp(bool log = false) : Op
{
    /// <inheritdoc/>
    public override string Name => log ? "LogSoftmax" : "Softmax";

    /// <summary>True for the logarithm.</summary>
    public bool Log => log;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false; // the slope of softmax is made of its own result

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
    public override void Forward(OpCall call) => call.Kernels.Softmax.Forward(Geometry(call.Output.Shape), call.In(0).Data, call.Output.Data);

    internal override bool HasNarrowForward(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    internal override void ForwardNarrow(NarrowCall call) => call.Kernels.Softmax(Geometry(call.OutputShape), call.In(0), call.Output);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        var (dx, beta) = call.GradIn(0);
        call.Kernels.Softmax.BackwardInput(Geometry(call.Output.Shape), call.Output.Data, call.GradOut, dx, beta);
    }

    private SoftmaxGeometry Geometry(Shape y) => new(ShapeCheck.Rows(y), y[-1], log);
}
