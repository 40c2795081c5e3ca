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
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
            Forward(call, call.Kernels.Narrow.Slice);
        else
            Forward(call, call.Kernels.Slice);
    }

    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.Slice);
        else
            Backward(call, call.Kernels.Slice);
    }

    private void Forward<T>(OpCall call, SliceKernels<T> kernels)
        where T : unmanaged => kernels.Forward(Geometry(call), call.In(0).As<T>(), call.Output.As<T>());

    private void Backward<T>(OpCall call, SliceKernels<T> kernels)
        where T : unmanaged
    {
        var (dx, beta) = call.GradIn<T>(0);
        kernels.BackwardInput(Geometry(call), call.GradOutAs<T>(), dx, beta);
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
