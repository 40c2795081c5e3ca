using Graft.Kernels;

namespace Graft.Ops;

/// <summary>Axes in another order: axis i of the output is axis order[i] of the input. Source: <see cref="PermuteKernels"/>.</summary>
/// <param name="order">Each axis once; negative ones count from the end.</param>
public sealed class PermuteOp(params int[] order) : Op
{
    /// <inheritdoc/>
    public override string Name => "Permute";

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => false;

    /// <inheritdoc/>
    public override bool KeepsSamplesApart(ReadOnlySpan<Shape> inputs) => Order(inputs[0])[0] == 0;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        Shape shape = inputs[0];
        return new Shape(Array.ConvertAll(Order(shape), axis => shape[axis]));
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call) => call.Kernels.Permute.Forward(Geometry(call.In(0).Shape), call.In(0).Data, call.Output.Data);

    internal override bool HasNarrowForward(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    internal override void ForwardNarrow(NarrowCall call) => call.Kernels.Permute(Geometry(call.Shape(0)), call.In(0), call.Output);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        var (dx, beta) = call.GradIn(0);
        call.Kernels.Permute.BackwardInput(Geometry(call.In(0).Shape), call.GradOut, dx, beta);
    }

    private PermuteGeometry Geometry(Shape shape)
    {
        try
        {
            return PermuteGeometry.Of(shape.Dims, Order(shape));
        }
        catch (ArgumentException e)
        {
            throw new ShapeException($"Permute: input {shape}: {e.Message}", e);
        }
    }

    /// <summary>For each axis of the output, the axis of an input of that shape.</summary>
    /// <exception cref="ShapeException">The order does not name each axis once.</exception>
    public int[] Order(Shape shape)
    {
        int[] resolved = Array.ConvertAll(order, axis => ShapeCheck.Axis(Name, shape, axis));
        if (resolved.Length != shape.Rank || new HashSet<int>(resolved).Count != shape.Rank)
            throw new ShapeException($"Permute: the order ({string.Join(',', order)}) does not name each of the {shape.Rank} axes of {shape} once.");
        return resolved;
    }
}
