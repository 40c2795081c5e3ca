using Graft.Kernels;

namespace Graft.Ops;

/// <summary>One formula of two inputs, with NumPy's broadcasting: y = f(a, b).</summary>
/// <remarks>Shapes are aligned at their last axes; an axis of extent 1 (or absent) is repeated. Formulas: <see cref="BinaryFormula"/>.</remarks>
/// <param name="formula">The formula.</param>
public sealed class BinaryOp(BinaryFormula formula) : Op
{
    /// <inheritdoc/>
    public override string Name => formula.ToString();

    /// <inheritdoc/>
    public override bool KeepsInput(int index) => formula is not (BinaryFormula.Add or BinaryFormula.Subtract);

    /// <inheritdoc/>
    public override Shape InferShape(ReadOnlySpan<Shape> inputs)
    {
        ShapeCheck.Count(Name, inputs, 2, 2, "a, b");
        Shape a = inputs[0], b = inputs[1];
        var dims = new int[Math.Max(a.Rank, b.Rank)];
        for (int i = 1; i <= dims.Length; i++)
        {
            int x = Extent(a, i), z = Extent(b, i);
            dims[^i] = x == z || z == 1 ? x : x == 1 ? z
                : throw new ShapeException($"{Name}: {a} and {b} do not broadcast: axis {-i} has {x} against {z}; extents must be equal, or one of them 1.");
        }
        return new Shape(dims);
    }

    /// <inheritdoc/>
    public override void Forward(OpCall call) => call.Kernels.Binary.Forward(Geometry(call), call.In(0).Data, call.In(1).Data, call.Output.Data);

    /// <inheritdoc/>
    public override void Backward(OpCall call)
    {
        BinaryGeometry g = Geometry(call);
        // Sums and differences do not look at their inputs, which may be gone: their gradient stands in.
        DevicePtr<float> a = KeepsInput(0) ? call.In(0).Data : call.GradOut, b = KeepsInput(1) ? call.In(1).Data : call.GradOut;
        if (call.Needs(0))
        {
            var (da, beta) = call.GradIn(0);
            call.Kernels.Binary.BackwardA(g, a, b, call.GradOut, da, beta);
        }
        if (call.Needs(1))
        {
            var (db, beta) = call.GradIn(1);
            call.Kernels.Binary.BackwardB(g, a, b, call.GradOut, db, beta);
        }
    }

    private static int Extent(Shape shape, int fromEnd) => fromEnd <= shape.Rank ? shape[-fromEnd] : 1;

    /// <summary>Neighbouring axes that both inputs run through alike become one; four remain at most.</summary>
    private BinaryGeometry Geometry(OpCall call)
    {
        Shape a = call.In(0).Shape, b = call.In(1).Shape, y = call.Output.Shape;
        List<(int Extent, bool A, bool B)> axes = []; // from the innermost out
        for (int i = 1; i <= y.Rank; i++)
        {
            bool inA = Extent(a, i) == y[-i], inB = Extent(b, i) == y[-i];
            if (y[-i] == 1)
                continue;
            if (axes.Count > 0 && axes[^1].A == inA && axes[^1].B == inB)
                axes[^1] = (axes[^1].Extent * y[-i], inA, inB);
            else
                axes.Add((y[-i], inA, inB));
        }
        if (axes.Count > 4)
            throw new ShapeException($"{Name}: {a} with {b} alternates between repeated and given axes more than four times; permute or reshape one of them first.");
        while (axes.Count < 4)
            axes.Add((1, false, false));
        return new BinaryGeometry(formula, axes[3].Extent, axes[2].Extent, axes[1].Extent, axes[0].Extent,
            Strides([.. axes.Select(x => (x.Extent, x.A))]), Strides([.. axes.Select(x => (x.Extent, x.B))]));
    }

    private static Strides4 Strides((int Extent, bool Given)[] axes)
    {
        Span<int> strides = stackalloc int[4];
        int step = 1;
        for (int i = 0; i < 4; i++)
        {
            strides[i] = axes[i].Given ? step : 0;
            step *= axes[i].Given ? axes[i].Extent : 1;
        }
        return new Strides4(strides[3], strides[2], strides[1], strides[0]);
    }
}
