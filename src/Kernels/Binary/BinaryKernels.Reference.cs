namespace Graft.Kernels;

/// <summary>Each formula and its two slopes in one line of double arithmetic.</summary>
internal sealed unsafe class ReferenceBinaryKernels : BinaryKernels
{
    public override void Forward(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> y)
    {
        long i = 0;
        for (int i0 = 0; i0 < g.D0; i0++)
        {
            for (int i1 = 0; i1 < g.D1; i1++)
            {
                for (int i2 = 0; i2 < g.D2; i2++)
                {
                    for (int i3 = 0; i3 < g.D3; i3++)
                        y.Pointer[i++] = (float)Value(g.Formula, a.Pointer[g.A.Row(i0, i1, i2) + i3 * g.A.S3], b.Pointer[g.B.Row(i0, i1, i2) + i3 * g.B.S3]);
                }
            }
        }
    }

    public override void BackwardA(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> da, float beta) =>
        Backward(g, a, b, dy, da, beta, g.A, first: true);

    public override void BackwardB(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> db, float beta) =>
        Backward(g, a, b, dy, db, beta, g.B, first: false);

    private static void Backward(in BinaryGeometry g, DevicePtr<float> a, DevicePtr<float> b, DevicePtr<float> dy, DevicePtr<float> d, float beta, Strides4 to, bool first)
    {
        var sums = new double[g.CountOf(to)];
        long i = 0;
        for (int i0 = 0; i0 < g.D0; i0++)
        {
            for (int i1 = 0; i1 < g.D1; i1++)
            {
                for (int i2 = 0; i2 < g.D2; i2++)
                {
                    for (int i3 = 0; i3 < g.D3; i3++)
                    {
                        double x = a.Pointer[g.A.Row(i0, i1, i2) + i3 * g.A.S3], z = b.Pointer[g.B.Row(i0, i1, i2) + i3 * g.B.S3];
                        sums[to.Row(i0, i1, i2) + i3 * to.S3] += dy.Pointer[i++] * (first ? SlopeA(g.Formula, x, z) : SlopeB(g.Formula, x, z));
                    }
                }
            }
        }
        for (long j = 0; j < sums.Length; j++)
            BetaStore.Store(ref d.Pointer[j], sums[j], beta);
    }

    private static double Value(BinaryFormula formula, double a, double b) => formula switch
    {
        BinaryFormula.Add => a + b,
        BinaryFormula.Subtract => a - b,
        BinaryFormula.Multiply => a * b,
        BinaryFormula.Divide => a / b,
        BinaryFormula.Maximum => Math.Max(a, b),
        BinaryFormula.Minimum => Math.Min(a, b),
        _ => throw new ArgumentOutOfRangeException(nameof(formula), formula, "No such formula."),
    };

    private static double SlopeA(BinaryFormula formula, double a, double b) => formula switch
    {
        BinaryFormula.Add or BinaryFormula.Subtract => 1,
        BinaryFormula.Multiply => b,
        BinaryFormula.Divide => 1 / b,
        BinaryFormula.Maximum => a > b ? 1 : a == b ? 0.5 : 0,
        BinaryFormula.Minimum => a < b ? 1 : a == b ? 0.5 : 0,
        _ => throw new ArgumentOutOfRangeException(nameof(formula), formula, "No such formula."),
    };

    private static double SlopeB(BinaryFormula formula, double a, double b) => formula switch
    {
        BinaryFormula.Add => 1,
        BinaryFormula.Subtract => -1,
        BinaryFormula.Multiply => a,
        BinaryFormula.Divide => -a / (b * b),
        BinaryFormula.Maximum or BinaryFormula.Minimum => SlopeA(formula, b, a),
        _ => throw new ArgumentOutOfRangeException(nameof(formula), formula, "No such formula."),
    };
}
