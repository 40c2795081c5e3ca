namespace Graft.Kernels;

internal sealed unsafe class CpuBinaryKernels : BinaryKernels
{
    public override void Forward(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> y)
    {
        var rows = new BinaryRows(g, a.Pointer, g.StridesA, b.Pointer, g.StridesB, b.Pointer, g.StridesB, y.Pointer, 0);
        switch (g.Formula)
        {
            case BinaryFormula.Add: rows.Run(new AddFormula()); break;
            case BinaryFormula.Subtract: rows.Run(new SubtractFormula()); break;
            case BinaryFormula.Multiply: rows.Run(new MultiplyFormula()); break;
            case BinaryFormula.Divide: rows.Run(new DivideFormula()); break;
            case BinaryFormula.Maximum: rows.Run(new MaximumFormula()); break;
            case BinaryFormula.Minimum: rows.Run(new MinimumFormula()); break;
            case BinaryFormula.PReLU: rows.Run(new PReLUFormula()); break;
            default: throw new ArgumentOutOfRangeException(nameof(g), g.Formula, "No such formula.");
        }
    }

    public override void BackwardA(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> da, float beta)
    {
        Axes full = FullStrides(g.Extents);
        BinaryRows rows = Linear(g)
            ? new(g, dy.Pointer, full, dy.Pointer, full, dy.Pointer, full, da.Pointer, beta)
            : new(g, a.Pointer, g.StridesA, b.Pointer, g.StridesB, dy.Pointer, full, da.Pointer, beta);
        if (g.Formula == BinaryFormula.Divide)
            rows.Run(new DivideSlopeA());
        else if (g.Formula == BinaryFormula.PReLU)
            rows.Run(new PReLUSlopeA());
        else
            Backward(g.Formula, rows);
    }

    public override void BackwardB(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> db, float beta)
    {
        // The slope in b is the slope in a with the two exchanged, but for those that are not symmetric.
        Axes full = FullStrides(g.Extents);
        BinaryRows rows = Linear(g)
            ? new(g, dy.Pointer, full, dy.Pointer, full, dy.Pointer, full, db.Pointer, beta)
            : new(g, b.Pointer, g.StridesB, a.Pointer, g.StridesA, dy.Pointer, full, db.Pointer, beta);
        if (g.Formula == BinaryFormula.Divide)
            rows.Run(new DivideSlopeB());
        else if (g.Formula == BinaryFormula.Subtract)
            rows.Run(new MinusUpstream());
        else if (g.Formula == BinaryFormula.PReLU)
            rows.Run(new PReLUSlopeB());
        else
            Backward(g.Formula, rows);
    }

    private static void Backward(BinaryFormula formula, BinaryRows rows)
    {
        switch (formula)
        {
            case BinaryFormula.Add or BinaryFormula.Subtract: rows.Run(new Upstream()); break;
            case BinaryFormula.Multiply: rows.Run(new MultiplySlope()); break;
            case BinaryFormula.Maximum: rows.Run(new MaximumSlope()); break;
            case BinaryFormula.Minimum: rows.Run(new MinimumSlope()); break;
            default: throw new ArgumentOutOfRangeException(nameof(formula), formula, "No such formula.");
        }
    }

    private static bool Linear(in BinaryGeometry g) => g.Formula is BinaryFormula.Add or BinaryFormula.Subtract;

    private static Axes FullStrides(in Axes extents)
    {
        Span<long> strides = stackalloc long[extents.Rank];
        long next = 1;
        for (int i = extents.Rank - 1; i >= 0; i--)
        {
            strides[i] = next;
            next *= extents[i];
        }
        return Axes.From(strides);
    }
}
