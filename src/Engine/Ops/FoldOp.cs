using Graft.Kernels;

namespace Graft.Ops;

/// <summary>
/// The adjoint of <see cref="UnfoldOp"/>: channels that are windows along an axis are added up where they overlap: y [N,P,..,S · C] to
/// [N,extent,..,C]. Source: <see cref="UnfoldKernels"/>.
/// </summary>
/// <param name="axis">The axis of the windows, before the channels.</param>
/// <param name="extent">Positions of the output along it.</param>
/// <param name="window">S, positions in a window.</param>
/// <param name="stride">Positions from one window to the next.</param>
/// <param name="dilation">Positions from one number of a window to the next.</param>
/// <param name="front">Positions before the output that are dropped.</param>
public sealed class FoldOp(int axis, int extent, int window, int stride, int dilation, int front) : Op
{
    /// <inheritdoc/>
    public override string Name => "Fold";

    /// <summary>The axis of the windows.</summary>
    public int Axis => axis;

    /// <summary>Positions in a window.</summary>
    public int Window => window;

    /// <summary>Positions from one window to the next.</summary>
    public int Stride => stride;

    /// <summary>Positions from one number of a window to the next.</summary>
    public int Dilation => dilation;

    /// <summary>Positions before the output that are dropped.</summary>
    public int Front => front;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "windows");
        Shape y = inputs[0];
        int along = ShapeCheck.Axis(Name, y, axis);
        if (along == y.Rank - 1 || y[-1] % window != 0)
            throw new ShapeException($"Fold: axis {along} of {y} must stand before the channels, and those must be windows of {window}.");
        int[] dims = y.Dims.ToArray();
        dims[along] = extent;
        dims[^1] /= window;
        return new Shape(dims);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call) => call.Kernels.Unfold.Fold(Geometry(call), call.In(0).Data, call.Output.Data, 0);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        var (dy, beta) = call.GradIn(0);
        call.Kernels.Unfold.Unfold(Geometry(call), call.GradOut, dy, beta);
    }

    private UnfoldGeometry Geometry(OpCall call)
    {
        int along = ShapeCheck.Axis(Name, call.In(0).Shape, axis);
        return UnfoldOp.Geometry(call.Output.Shape, along, 1, call.In(0).Shape[along], window, stride, dilation, front);
    }
}
