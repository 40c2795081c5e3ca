using Graft.Kernels;

namespace Graft.Ops;

/// <summary>A function of two numbers for each element, under NumPy's broadcasting: a, b to y. Source: <see cref="BinaryKernels"/>.</summary>
/// <param name="formula">The function.</param>
public sealed class BinaryOp(BinaryFormula formula) : Op
{
    /// <inheritdoc/>
    public override string Name => formula.ToString();

    /// <summary>The function.</summary>
    public BinaryFormula Formula => formula;

    private bool IsLinear => formula is BinaryFormula.Add or BinaryFormula.Subtract;

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => !IsLinear;

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 2, 2, "a, b");
        Shape a = inputs[0], b = inputs[1];
        var dims = new int[Math.Max(a.Rank, b.Rank)];
        for (int i = 1; i <= dims.Length; i++)
        {
            int extent = BinaryGeometry.Broadcast(i <= a.Rank ? a[-i] : 1, i <= b.Rank ? b[-i] : 1);
            if (extent < 0)
            {
                throw new ShapeException($"{Name}: shapes {a} and {b} do not broadcast: counted from the last axis, extents must be equal or 1, "
                    + $"but axis -{i} has {a[-i]} and {b[-i]}. Reshape or permute one of them.");
            }
            dims[^i] = extent;
        }
        return new Shape(dims);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call)
    {
        if (call.IsNarrow)
            ForwardNarrow(call.Narrow);
        else if (NarrowInput(call) is { } narrow)
            call.Kernels.Narrow.Add(call.In(1 - narrow).Data, call.In(narrow).NarrowData, call.Output.Data, call.Output.Count);
        else
            call.Kernels.Binary.Forward(Geometry(call.In(0).Shape, call.In(1).Shape), call.In(0).Data, call.In(1).Data, call.Output.Data);
    }

    internal override bool HasNarrowForward(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => true;

    internal override void ForwardNarrow(NarrowCall call) => call.Kernels.Binary(Geometry(call.Shape(0), call.Shape(1)), call.In(0), call.In(1), call.Output);

    /// <summary>Sums of two branches, whose gradient is handed on as it is.</summary>
    internal override bool TrainsNarrow(NarrowKernels kernels, ReadOnlySpan<Shape> inputs) => formula == BinaryFormula.Add && inputs[0].Equals(inputs[1]);

    internal override bool AddsTypes => formula == BinaryFormula.Add;

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        for (int i = 0; i < 2; i++)
        {
            if (!call.Needs(i))
                continue;
            if (call.IsNarrow)
                AddNarrow(call, i);
            else if (i == NarrowInput(call))
                RoundGradient(call, i);
            else
                Backward(call, i);
        }
    }

    /// <summary>The input of 16 bits of a sum that is float32; null where there is none.</summary>
    private static int? NarrowInput(OpCall call) => call.In(0).Type.IsNarrow() ? 0 : call.In(1).Type.IsNarrow() ? 1 : null;

    private static void RoundGradient(OpCall call, int index)
    {
        var (gradient, beta) = call.GradIn<ushort>(index);
        call.Kernels.Narrow.Round(call.GradOut, gradient, call.Output.Count, beta);
    }

    private static void AddNarrow(OpCall call, int index)
    {
        if (call.TryPassGradient(index))
            return;
        var (gradient, beta) = call.GradIn<ushort>(index);
        call.Kernels.Narrow.Accumulate(call.GradOutAs<ushort>(), gradient, call.Output.Count, beta);
    }

    private void Backward(OpCall call, int index)
    {
        bool passes = formula == BinaryFormula.Add || (formula == BinaryFormula.Subtract && index == 0);
        if (passes && call.In(index).Count == call.Output.Count && call.TryPassGradient(index))
            return;
        BinaryGeometry g = Geometry(call.In(0).Shape, call.In(1).Shape);
        var (gradient, beta) = call.GradIn(index);
        if (call.In(index).Count == call.Output.Count)
        {
            Full(call, g, index, gradient, beta);
            return;
        }
        // The input was repeated: each repetition has a share in its gradient.
        DevicePtr<float> shares = call.GradOut;
        if (!passes)
        {
            shares = call.Temporary(call.Output.Count);
            Full(call, g, index, shares, 0);
        }
        Shape full = call.Output.Shape, small = call.In(index).Shape;
        var repeated = new bool[full.Rank];
        for (int i = 1; i <= full.Rank; i++)
            repeated[^i] = i > small.Rank || (small[-i] == 1 && full[-i] != 1);
        call.Kernels.Reduce.Forward(ReduceOp.Geometry(ReduceFormula.Sum, full, repeated), shares, gradient, beta);
    }

    private void Full(OpCall call, in BinaryGeometry g, int index, DevicePtr<float> gradient, float beta)
    {
        DevicePtr<float> a = IsLinear ? DevicePtr<float>.Null : call.In(0).Data, b = IsLinear ? DevicePtr<float>.Null : call.In(1).Data;
        if (index == 0)
            call.Kernels.Binary.BackwardA(g, a, b, call.GradOut, gradient, beta);
        else
            call.Kernels.Binary.BackwardB(g, a, b, call.GradOut, gradient, beta);
    }

    private BinaryGeometry Geometry(Shape a, Shape b)
    {
        try
        {
            return BinaryGeometry.Of(formula, a.Dims, b.Dims);
        }
        catch (ArgumentException e)
        {
            throw new ShapeException($"{Name}: shapes {a} and {b}: {e.Message}", e);
        }
    }
}
