using Graft.Kernels;

namespace Graft.Ops;

/// <summary>The sum, mean, largest or smallest over axes: x to the axes that stay. Source: <see cref="ReduceKernels"/>.</summary>
/// <param name="formula">How many become one.</param>
/// <param name="axes">Axes to reduce; negative ones count from the end, none means all.</param>
/// <param name="keepDims">True leaves an extent of 1 in place of a reduced axis.</param>
public sealed class ReduceOp(ReduceFormula formula, int[] axes, bool keepDims = false) : Op
{
    private bool Compares => formula is ReduceFormula.Max or ReduceFormula.Min;

    /// <inheritdoc/>
    public override string Name { get; } = $"Reduce{formula}";

    /// <summary>How many become one.</summary>
    public ReduceFormula Formula => formula;

    /// <summary>Axes that are reduced; none means all.</summary>
    public IReadOnlyList<int> Axes => axes;

    /// <summary>True where an extent of 1 stays in place of a reduced axis.</summary>
    public bool KeepDims => keepDims;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => Compares;

    /// <inheritdoc/>
    public override bool KeepsOutput => Compares;

    /// <inheritdoc/>
    public override bool KeepsSamplesApart(ReadOnlySpan<Shape> inputs)
    {
        int rank = inputs[0].Rank;
        return axes.Length > 0 && !Array.Exists(axes, a => a == 0 || a == -rank);
    }

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        Span<bool> reduced = stackalloc bool[inputs[0].Rank];
        Mark(inputs[0], reduced);
        var dims = new List<int>();
        for (int i = 0; i < reduced.Length; i++)
        {
            if (reduced[i] && Compares && inputs[0][i] == 0)
                throw new ShapeException($"{Name}: axis {i} of {inputs[0]} is empty; there is no {formula} of nothing.");
            if (!reduced[i] || keepDims)
                dims.Add(reduced[i] ? 1 : inputs[0][i]);
        }
        return new Shape([.. dims]);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
            ForwardNarrow(call.Narrow);
        else
            call.Kernels.Reduce.Forward(Geometry(call.In(0).Shape), call.In(0).Data, call.Output.Data, 0);
    }

    internal override bool HasNarrowForward(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    internal override void ForwardNarrow(NarrowCall call) => call.Kernels.Reduce.Forward(Geometry(call.Shape(0)), call.In(0), call.Output, 0);

    /// <summary>The mean of each channel of an image. A sum may leave the range of 16 bits, equal largest numbers are counted, and other means are subtracted from what they are of.</summary>
    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => formula == ReduceFormula.Mean && inputs[0].Rank == 4 && axes is [1, 2];

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        if (call.IsNarrow)
            Backward(call, call.Kernels.Narrow.Reduce);
        else
            Backward(call, call.Kernels.Reduce);
    }

    private void Backward<T>(OpCall call, ReduceKernels<T> kernels)
        where T : unmanaged
    {
        DevicePtr<T> x = Compares ? call.In(0).As<T>() : DevicePtr<T>.Null, y = Compares ? call.Output.As<T>() : DevicePtr<T>.Null;
        var (dx, beta) = call.GradIn<T>(0);
        kernels.BackwardInput(Geometry(call.In(0).Shape), x, y, call.GradOutAs<T>(), dx, beta);
    }

    internal static ReduceGeometry Geometry(ReduceFormula formula, Shape shape, ReadOnlySpan<bool> reduced)
    {
        try
        {
            return ReduceGeometry.Of(formula, shape.Dims, reduced);
        }
        catch (ArgumentException e)
        {
            throw new ShapeException($"Reduce{formula}: input {shape}: {e.Message}", e);
        }
    }

    private ReduceGeometry Geometry(Shape x)
    {
        Span<bool> reduced = stackalloc bool[x.Rank];
        Mark(x, reduced);
        return Geometry(formula, x, reduced);
    }

    private void Mark(Shape shape, Span<bool> reduced)
    {
        reduced.Fill(axes.Length == 0);
        foreach (int axis in axes)
            reduced[ShapeCheck.Axis(Name, shape, axis)] = true;
    }
}
