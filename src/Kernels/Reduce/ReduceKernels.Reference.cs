namespace Graft.Kernels;

internal sealed unsafe class ReferenceReduceKernels : ReduceKernels
{
    public override void Forward(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y, float beta)
    {
        long count = g.Extents.Product, kept = g.Kept;
        Axes strides = g.OutputStrides();
        var sums = new double[kept];
        Array.Fill(sums, g.Formula switch
        {
            ReduceFormula.Max => double.NegativeInfinity,
            ReduceFormula.Min => double.PositiveInfinity,
            _ => 0,
        });
        for (long i = 0; i < count; i++)
        {
            ref double sum = ref sums[g.Extents.Offset(i, strides)];
            double value = x.Pointer[i];
            sum = g.Formula switch
            {
                ReduceFormula.Max => Math.Max(sum, value),
                ReduceFormula.Min => Math.Min(sum, value),
                _ => sum + value,
            };
        }
        double scale = g.Formula == ReduceFormula.Mean ? g.Reduced : 1;
        for (long i = 0; i < kept; i++)
            BetaStore.Store(ref y.Pointer[i], sums[i] / scale, beta);
    }

    public override void BackwardInput(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        long count = g.Extents.Product;
        Axes strides = g.OutputStrides();
        if (g.Formula is ReduceFormula.Sum or ReduceFormula.Mean)
        {
            double scale = g.Formula == ReduceFormula.Mean ? g.Reduced : 1;
            for (long i = 0; i < count; i++)
                BetaStore.Store(ref dx.Pointer[i], dy.Pointer[g.Extents.Offset(i, strides)] / scale, beta);
            return;
        }
        var ties = new long[g.Kept];
        for (long i = 0; i < count; i++)
        {
            long o = g.Extents.Offset(i, strides);
            ties[o] += x.Pointer[i] == y.Pointer[o] ? 1 : 0;
        }
        for (long i = 0; i < count; i++)
        {
            long o = g.Extents.Offset(i, strides);
            BetaStore.Store(ref dx.Pointer[i], x.Pointer[i] == y.Pointer[o] ? (double)dy.Pointer[o] / ties[o] : 0, beta);
        }
    }
}
