using Graft.Kernels;

namespace Graft.Ops;

/// <summary>A range of an axis: positions start to start + length - 1. Source: <see cref="SliceKernels"/>.</summary>
/// <param name="axis">The axis; negative ones count from the end.</param>
/// <param name="start">The first position; negative ones count from the end.</param>
/// <param name="length">How many positions.</param>
public sealed class SliceOp(int axis, int start, int length) : Op
{
    /// <inheritdoc/>
    public override string Name => "Slice";

    /// <summary>The axis; negative ones count from the end.</summary>
    public int Axis => axis;

    /// <summary>The first position; negative ones count from the end.</summary>
    public int Start => start;

    /// <summary>How many positions.</summary>
    public int Length => length;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override bool KeepsSamplesApart(ReadOnlySpan<Shape> inputs) => ShapeCheck.Axis(Name, inputs[0], axis) > 0;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        int along = ShapeCheck.Axis(Name, inputs[0], axis), first = First(inputs[0][along]);
        if (first < 0 || length < 0 || (long)first + length > inputs[0][along])
            throw new ShapeException($"Slice: positions {start} to {(long)start + length - 1} do not lie in axis {along} of {inputs[0]}, which has 0 to {inputs[0][along] - 1}.");
        int[] dims = inputs[0].Dims.ToArray();
        dims[along] = length;
        return new Shape(dims);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call) => call.Kernels.Slice.Forward(Geometry(call), call.In(0).Data, call.Output.Data);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        var (dx, beta) = call.GradIn(0);
        call.Kernels.Slice.BackwardInput(Geometry(call), call.GradOut, dx, beta);
    }

    private int First(int extent) => start < 0 ? start + extent : start;

    private SliceGeometry Geometry(OpCall call)
    {
        Shape shape = call.In(0).Shape;
        int along = ShapeCheck.Axis(Name, shape, axis);
        (long outer, long total) = ShapeCheck.Split(shape, along);
        long step = shape[along] == 0 ? 0 : total / shape[along];
        return new(outer, total, First(shape[along]) * step, length * step);
    }
}
