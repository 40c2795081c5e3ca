namespace Graft.Kernels;

internal sealed unsafe class ReferenceBinaryKernels : BinaryKernels
{
    public override void Forward(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> y)
    {
        long count = g.Count;
        for (long i = 0; i < count; i++)
            y.Pointer[i] = (float)Value(g.Formula, a.Pointer[g.Extents.Offset(i, g.StridesA)], b.Pointer[g.Extents.Offset(i, g.StridesB)]);
    }

    public override void BackwardA(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> da, float beta)
    {
        bool reads = g.Formula is not (BinaryFormula.Add or BinaryFormula.Subtract);
        long count = g.Count;
        for (long i = 0; i < count; i++)
        {
            double av = reads ? a.Pointer[g.Extents.Offset(i, g.StridesA)] : 0, bv = reads ? b.Pointer[g.Extents.Offset(i, g.StridesB)] : 0;
            BetaStore.Store(ref da.Pointer[i], dy.Pointer[i] * SlopeA(g.Formula, av, bv), beta);
        }
    }

    public override void BackwardB(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> db, float beta)
    {
        bool reads = g.Formula is not (BinaryFormula.Add or BinaryFormula.Subtract);
        long count = g.Count;
        for (long i = 0; i < count; i++)
        {
            double av = reads ? a.Pointer[g.Extents.Offset(i, g.StridesA)] : 0, bv = reads ? b.Pointer[g.Extents.Offset(i, g.StridesB)] : 0;
            BetaStore.Store(ref db.Pointer[i], dy.Pointer[i] * SlopeB(g.Formula, av, bv), beta);
        }
    }

    private static double Value(BinaryFormula formula, double a, double b) => formula switch
    {
        BinaryFormula.Add => a + b,
        BinaryFormula.Subtract => a - b,
        BinaryFormula.Multiply => a * b,
        BinaryFormula.Divide => a / b,
        BinaryFormula.Maximum => Math.Max(a, b),
        BinaryFormula.Minimum => Math.Min(a, b),
        BinaryFormula.PReLU => a > 0 ? a : a * b,
        _ => throw new ArgumentOutOfRangeException(nameof(formula), formula, "No such formula."),
    };

    private static double SlopeA(BinaryFormula formula, double a, double b) => formula switch
    {
        BinaryFormula.Add or BinaryFormula.Subtract => 1,
        BinaryFormula.Multiply => b,
        BinaryFormula.Divide => 1 / b,
        BinaryFormula.Maximum => a > b ? 1 : a == b ? 0.5 : 0,
        BinaryFormula.Minimum => a < b ? 1 : a == b ? 0.5 : 0,
        BinaryFormula.PReLU => a > 0 ? 1 : b,
        _ => throw new ArgumentOutOfRangeException(nameof(formula), formula, "No such formula."),
    };

    private static double SlopeB(BinaryFormula formula, double a, double b) => formula switch
    {
        BinaryFormula.Add => 1,
        BinaryFormula.Subtract => -1,
        BinaryFormula.Multiply => a,
        BinaryFormula.Divide => -a / (b * b),
        BinaryFormula.Maximum => b > a ? 1 : a == b ? 0.5 : 0,
        BinaryFormula.Minimum => b < a ? 1 : a == b ? 0.5 : 0,
        BinaryFormula.PReLU => a > 0 ? 0 : a,
        _ => throw new ArgumentOutOfRangeException(nameof(formula), formula, "No such formula."),
    };
}
