namespace Graft.Kernels;

internal sealed unsafe class ReferenceBatchNormKernels : BatchNormKernels
{
    public override void Forward(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<float> movingMean,
        DevicePtr<float> movingVariance, DevicePtr<float> y, DevicePtr<float> mean, DevicePtr<float> rstd)
    {
        for (int c = 0; c < g.C; c++)
        {
            (double m, double variance) = g.Training ? Statistics(g, x.Pointer, c) : (movingMean.Pointer[c], movingVariance.Pointer[c]);
            double r = 1 / Math.Sqrt(variance + g.Epsilon);
            for (long i = c; i < g.Rows * g.C; i += g.C)
                y.Pointer[i] = (float)((x.Pointer[i] - m) * r * scale.Pointer[c] + shift.Pointer[c]);
            mean.Pointer[c] = (float)m;
            rstd.Pointer[c] = (float)r;
            if (!g.Training)
                continue;
            movingMean.Pointer[c] = (float)(movingMean.Pointer[c] * (double)g.Momentum + m * (1 - (double)g.Momentum));
            movingVariance.Pointer[c] = (float)(movingVariance.Pointer[c] * (double)g.Momentum + variance * g.MovingFactor * (1 - (double)g.Momentum));
        }
    }

    private static (double Mean, double Variance) Statistics(in BatchNormGeometry g, float* x, int c)
    {
        double sum = 0, squares = 0;
        for (long i = c; i < g.Rows * g.C; i += g.C)
            sum += x[i];
        double mean = sum / g.Rows;
        for (long i = c; i < g.Rows * g.C; i += g.C)
            squares += (x[i] - mean) * (x[i] - mean);
        return (mean, squares / g.Rows);
    }

    public override void BackwardSums(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> mean, DevicePtr<float> rstd,
        DevicePtr<float> dscale, DevicePtr<float> dshift)
    {
        for (int c = 0; c < g.C; c++)
        {
            double sum = 0, product = 0;
            for (long i = c; i < g.Rows * g.C; i += g.C)
            {
                sum += dy.Pointer[i];
                product += dy.Pointer[i] * ((double)x.Pointer[i] - mean.Pointer[c]) * rstd.Pointer[c];
            }
            dshift.Pointer[c] = (float)sum;
            dscale.Pointer[c] = (float)product;
        }
    }

    public override void BackwardInput(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> scale, DevicePtr<float> mean,
        DevicePtr<float> rstd, DevicePtr<float> dscale, DevicePtr<float> dshift, DevicePtr<float> dx, float beta)
    {
        for (int c = 0; c < g.C; c++)
        {
            double r = rstd.Pointer[c];
            for (long i = c; i < g.Rows * g.C; i += g.C)
            {
                double d = dy.Pointer[i];
                if (g.Training)
                    d -= (dshift.Pointer[c] + ((double)x.Pointer[i] - mean.Pointer[c]) * r * dscale.Pointer[c]) / g.Rows;
                BetaStore.Store(ref dx.Pointer[i], scale.Pointer[c] * r * d, beta);
            }
        }
    }
}
