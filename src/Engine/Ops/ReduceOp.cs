using Graft.Kernels;

namespace Graft.Ops;

/// <summary>Reduces neighbouring axes to one number: sums, means, maxima. Global pooling is a mean over axes 1 and 2.</summary>
/// <param name="formula">What becomes of the numbers.</param>
/// <param name="axes">The axes, neighbours of one another; negative ones count from the end; none means all.</param>
/// <param name="keepDims">True leaves reduced axes in place with extent 1.</param>
public sealed class ReduceOp(ReduceFormula formula, int[] axes, bool keepDims = false) : Op
{
    /// <inheritdoc/>
    public override string Name => $"Reduce{formula}";

    private bool Picks => formula is ReduceFormula.Max or ReduceFormula.Min;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => Picks;

    /// <inheritdoc/>
    public override bool KeepsOutput => Picks;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 1, 1, "x");
        Shape x = inputs[0];
        (int first, int end) = Range(x);
        if (Picks && x.Count == 0)
            throw new ShapeException($"{Name}: {x} has no elements, so no extreme.");
        int[] kept = [.. x.Dims[..first], .. keepDims ? Enumerable.Repeat(1, end - first) : [], .. x.Dims[end..]];
        return new Shape(kept);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call) => call.Kernels.Reduce.Forward(Geometry(call.In(0).Shape), call.In(0).Data, call.Output.Data);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        DevicePtr<float> x = Picks ? call.In(0).Data : DevicePtr<float>.Null, y = Picks ? call.Output.Data : DevicePtr<float>.Null;
        var (dx, beta) = call.GradIn(0);
        call.Kernels.Reduce.Backward(Geometry(call.In(0).Shape), x, y, call.GradOut, dx, beta);
    }

    private ReduceGeometry Geometry(Shape x)
    {
        (int first, int end) = Range(x);
        int Product(ReadOnlySpan<int> dims)
        {
            int n = 1;
            foreach (int d in dims)
                n *= d;
            return n;
        }
        return new ReduceGeometry(formula, Product(x.Dims[..first]), Product(x.Dims[first..end]), Product(x.Dims[end..]));
    }

    private (int First, int End) Range(Shape x)
    {
        if (axes.Length == 0)
            return (0, x.Rank);
        int[] sorted = [.. axes.Select(a => a < 0 ? a + x.Rank : a).Order()];
        bool neighbours = sorted[0] >= 0 && sorted[^1] < x.Rank;
        for (int i = 1; i < sorted.Length; i++)
            neighbours &= sorted[i] == sorted[i - 1] + 1;
        return neighbours ? (sorted[0], sorted[^1] + 1)
            : throw new ShapeException($"{Name}: axes ({string.Join(',', axes)}) of {x} are not neighbours; permute the tensor first, or reduce in two steps.");
    }
}
