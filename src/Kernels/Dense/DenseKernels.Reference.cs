namespace Graft.Kernels;

/// <summary>The formulas of <see cref="DenseKernels"/> as they stand, with sums in double, whose own roundings are too small to count: what the fast kernels are compared with.</summary>
internal sealed unsafe class ReferenceDenseKernels : DenseKernels
{
    public override void Forward(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y)
    {
        for (long n = 0; n < g.N; n++)
        {
            for (long o = 0; o < g.O; o++)
            {
                double sum = b.IsNull ? 0 : b.Pointer[o];
                for (long i = 0; i < g.I; i++)
                    sum += (double)x.Pointer[n * g.I + i] * w.Pointer[i * g.O + o];
                y.Pointer[n * g.O + o] = (float)sum;
            }
        }
    }

    public override void BackwardInput(in DenseGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta)
    {
        for (long n = 0; n < g.N; n++)
        {
            for (long i = 0; i < g.I; i++)
            {
                double sum = 0;
                for (long o = 0; o < g.O; o++)
                    sum += (double)dy.Pointer[n * g.O + o] * w.Pointer[i * g.O + o];
                BetaStore.Store(ref dx.Pointer[n * g.I + i], sum, beta);
            }
        }
    }

    public override void BackwardWeight(in DenseGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta)
    {
        for (long i = 0; i < g.I; i++)
        {
            for (long o = 0; o < g.O; o++)
            {
                double sum = 0;
                for (long n = 0; n < g.N; n++)
                    sum += (double)x.Pointer[n * g.I + i] * dy.Pointer[n * g.O + o];
                BetaStore.Store(ref dw.Pointer[i * g.O + o], sum, beta);
            }
        }
    }

    public override void BackwardBias(in DenseGeometry g, DevicePtr<float> dy, DevicePtr<float> db, float beta)
    {
        for (long o = 0; o < g.O; o++)
        {
            double sum = 0;
            for (long n = 0; n < g.N; n++)
                sum += dy.Pointer[n * g.O + o];
            BetaStore.Store(ref db.Pointer[o], sum, beta);
        }
    }
}
