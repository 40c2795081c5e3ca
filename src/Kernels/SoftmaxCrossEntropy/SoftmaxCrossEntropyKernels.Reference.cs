namespace Graft.Kernels;

internal sealed unsafe class ReferenceSoftmaxCrossEntropyKernels : SoftmaxCrossEntropyKernels
{
    public override void Forward(in ClassLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> loss)
    {
        for (long n = 0; n < g.N; n++)
        {
            float* row = x.Pointer + n * g.K;
            double logSum = LogSumExp(row, g.K), sum = 0;
            for (int k = 0; k < g.K; k++)
                sum += g.Label(t.Pointer, n, k) * (logSum - row[k]);
            loss.Pointer[n] = (float)sum;
        }
    }

    public override void BackwardInput(in ClassLossGeometry g, DevicePtr<float> x, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<float> dx, float beta)
    {
        for (long n = 0; n < g.N; n++)
        {
            float* row = x.Pointer + n * g.K;
            double logSum = LogSumExp(row, g.K), total = 0;
            for (int k = 0; k < g.K; k++)
                total += g.Label(t.Pointer, n, k);
            for (int k = 0; k < g.K; k++)
                BetaStore.Store(ref dx.Pointer[n * g.K + k], dloss.Pointer[n] * (Math.Exp(row[k] - logSum) * total - g.Label(t.Pointer, n, k)), beta);
        }
    }

    private static double LogSumExp(float* row, int count)
    {
        double max = double.NegativeInfinity, sum = 0;
        for (int k = 0; k < count; k++)
            max = Math.Max(max, row[k]);
        for (int k = 0; k < count; k++)
            sum += Math.Exp(row[k] - max);
        return max + Math.Log(sum);
    }
}
