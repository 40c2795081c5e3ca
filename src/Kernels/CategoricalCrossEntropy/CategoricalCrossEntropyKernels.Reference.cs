namespace Graft.Kernels;

internal sealed unsafe class ReferenceCategoricalCrossEntropyKernels : CategoricalCrossEntropyKernels
{
    public override void Forward(in ClassLossGeometry g, DevicePtr<float> p, DevicePtr<float> t, DevicePtr<float> loss)
    {
        for (long n = 0; n < g.N; n++)
            loss.Pointer[n] = (float)RowLoss(g, p.Pointer, t.Pointer, n);
    }

    public override void BackwardInput(in ClassLossGeometry g, DevicePtr<float> p, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dp, float beta)
    {
        for (long n = 0; n < g.N; n++)
            RowGradient(g, p.Pointer, t.Pointer, n, dloss.Pointer[n], dp.Pointer, beta);
    }

    internal static double RowLoss(in ClassLossGeometry g, float* p, float* t, long n)
    {
        float* row = p + n * g.K;
        double total = Sum(row, g.K), loss = 0;
        for (int k = 0; k < g.K; k++)
        {
            double label = g.Label(t, n, k);
            if (label != 0)
                loss -= label * Math.Log(Math.Clamp(row[k] / total, Least, Most));
        }
        return loss;
    }

    internal static void RowGradient(in ClassLossGeometry g, float* p, float* t, long n, double dloss, float* dp, float beta)
    {
        // q = p / sum p, loss = -sum t log clip(q): dloss/dq = h = -t / q inside the clip, and dq[k]/dp[j] = ((k = j) - q[k]) / sum p.
        float* row = p + n * g.K;
        double total = Sum(row, g.K), mean = 0;
        for (int k = 0; k < g.K; k++)
            mean += Slope(g, t, n, k, row[k] / total) * (row[k] / total);
        for (int k = 0; k < g.K; k++)
            BetaStore.Store(ref dp[n * g.K + k], dloss * (Slope(g, t, n, k, row[k] / total) - mean) / total, beta);
    }

    private static double Slope(in ClassLossGeometry g, float* t, long n, int k, double q) =>
        q is >= Least and <= Most ? -g.Label(t, n, k) / q : 0;

    private static double Sum(float* row, int count)
    {
        double sum = 0;
        for (int k = 0; k < count; k++)
            sum += row[k];
        return sum;
    }
}
