using Graft.Kernels;

namespace Graft.Ops;

/// <summary>Inputs joined along an axis; all other extents are equal. Source: <see cref="ConcatKernels"/>.</summary>
/// <param name="axis">The axis; negative ones count from the end.</param>
public sealed class ConcatOp(int axis) : Op
{
    /// <inheritdoc/>
    public override string Name => "Concat";

    /// <summary>The axis; negative ones count from the end.</summary>
    public int Axis => axis;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override bool KeepsSamplesApart(ReadOnlySpan<Shape> inputs) => ShapeCheck.Axis(Name, inputs[0], axis) > 0;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, int.MaxValue, "x0, x1, ..");
        Shape first = inputs[0];
        int along = ShapeCheck.Axis(Name, first, axis);
        int[] dims = first.Dims.ToArray();
        for (int i = 1; i < inputs.Length; i++)
        {
            Shape other = inputs[i];
            bool fits = other.Rank == first.Rank;
            for (int j = 0; fits && j < first.Rank; j++)
                fits = j == along || other[j] == first[j];
            if (!fits)
                throw new ShapeException($"Concat: input 0 has shape {first} and input {i} has {other}; all extents but that of axis {along} must be equal. Crop, pad or reshape one of them.");
            dims[along] += other[along];
        }
        return new Shape(dims);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
        {
            ForwardNarrow(call.Narrow);
            return;
        }
        long offset = 0;
        for (int i = 0; i < call.InputCount; i++)
        {
            ConcatGeometry g = Geometry(call.Output.Shape, call.In(i).Shape, offset);
            call.Kernels.Concat.Forward(g, call.In(i).Data, call.Output.Data);
            offset += g.Part;
        }
    }

    internal override bool HasNarrowForward(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    internal override void ForwardNarrow(NarrowCall call)
    {
        long offset = 0;
        for (int i = 0; i < call.InputCount; i++)
        {
            ConcatGeometry g = Geometry(call.OutputShape, call.Shape(i), offset);
            call.Kernels.Concat.Forward(g, call.In(i), call.Output);
            offset += g.Part;
        }
    }

    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.Concat);
        else
            Backward(call, call.Kernels.Concat);
    }

    private void Backward<T>(OpCall call, ConcatKernels<T> kernels)
        where T : unmanaged
    {
        long offset = 0;
        for (int i = 0; i < call.InputCount; i++)
        {
            ConcatGeometry g = Geometry(call.Output.Shape, call.In(i).Shape, offset);
            offset += g.Part;
            if (!call.Needs(i))
                continue;
            var (dx, beta) = call.GradIn<T>(i);
            kernels.BackwardInput(g, call.GradOutAs<T>(), dx, beta);
        }
    }

    private ConcatGeometry Geometry(Shape y, Shape part, long offset)
    {
        int along = ShapeCheck.Axis(Name, y, axis);
        (long outer, long total) = ShapeCheck.Split(y, along);
        return new(outer, total, offset, ShapeCheck.Split(part, along).Inner);
    }
}
