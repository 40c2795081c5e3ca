namespace Graft.Kernels;

internal sealed unsafe class ReferenceReduceKernels : ReduceKernels
{
    public override void Forward(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        for (int o = 0; o < g.Outer; o++)
        {
            for (int i = 0; i < g.Inner; i++)
            {
                double sum = 0, max = double.NegativeInfinity, min = double.PositiveInfinity;
                for (int l = 0; l < g.Length; l++)
                {
                    double v = x.Pointer[((long)o * g.Length + l) * g.Inner + i];
                    sum += v;
                    max = Math.Max(max, v);
                    min = Math.Min(min, v);
                }
                y.Pointer[(long)o * g.Inner + i] = (float)(g.Formula switch
                {
                    ReduceFormula.Sum => sum,
                    ReduceFormula.Mean => sum / g.Length,
                    ReduceFormula.Max => max,
                    ReduceFormula.Min => min,
                    _ => throw new ArgumentOutOfRangeException(nameof(g), g.Formula, "No such formula."),
                });
            }
        }
    }

    public override void Backward(in ReduceGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        for (int o = 0; o < g.Outer; o++)
        {
            for (int i = 0; i < g.Inner; i++)
            {
                long j = (long)o * g.Inner + i;
                bool picks = g.Formula is ReduceFormula.Max or ReduceFormula.Min;
                int winners = 0;
                for (int l = 0; l < g.Length && picks; l++)
                    winners += x.Pointer[((long)o * g.Length + l) * g.Inner + i] == y.Pointer[j] ? 1 : 0;
                double share = (double)dy.Pointer[j] / (picks ? winners : g.Formula == ReduceFormula.Mean ? g.Length : 1);
                for (int l = 0; l < g.Length; l++)
                {
                    long k = ((long)o * g.Length + l) * g.Inner + i;
                    BetaStore.Store(ref dx.Pointer[k], picks && x.Pointer[k] != y.Pointer[j] ? 0 : share, beta);
                }
            }
        }
    }
}
