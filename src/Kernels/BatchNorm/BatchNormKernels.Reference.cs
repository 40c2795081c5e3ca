namespace Graft.Kernels;

internal sealed unsafe class ReferenceBatchNormKernels : BatchNormKernels
{
    public override void Forward(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<float> movingMean,
        DevicePtr<float> movingVariance, DevicePtr<float> y, DevicePtr<float> mean, DevicePtr<float> rstd, DevicePtr<float> residual)
    {
        for (int c = 0; c < g.C; c++)
        {
            (double m, double variance) = g.Training ? Statistics(g, x.Pointer, c) : (movingMean.Pointer[c], movingVariance.Pointer[c]);
            double r = 1 / Math.Sqrt(variance + g.Epsilon);
            for (long i = c; i < g.Rows * g.C; i += g.C)
            {
                float v = (float)((x.Pointer[i] - m) * r * scale.Pointer[c] + shift.Pointer[c]);
                if (!residual.IsNull)
                    v += residual.Pointer[i];
                y.Pointer[i] = (float)Activated(g, v);
            }
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
        DevicePtr<float> dscale, DevicePtr<float> dshift, BatchNormGate<float> gate)
    {
        for (int c = 0; c < g.C; c++)
        {
            (double m, double r) = Used(g, x, mean, rstd, gate, c);
            double sum = 0, product = 0;
            for (long i = c; i < g.Rows * g.C; i += g.C)
            {
                float dv = Through(g, gate, x, dy, m, r, c, i);
                sum += dv;
                product += dv * ((double)x.Pointer[i] - mean.Pointer[c]) * rstd.Pointer[c];
                if (!gate.Passed.IsNull)
                    gate.Passed.Pointer[i] = dv;
            }
            dshift.Pointer[c] = (float)sum;
            dscale.Pointer[c] = (float)product;
        }
    }

    public override void BackwardInput(
        in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> scale, DevicePtr<float> mean,
        DevicePtr<float> rstd, DevicePtr<float> dscale, DevicePtr<float> dshift, DevicePtr<float> dx, float beta, BatchNormGate<float> gate)
    {
        for (int c = 0; c < g.C; c++)
        {
            (double m, double exact) = Used(g, x, mean, rstd, gate, c);
            double r = rstd.Pointer[c];
            for (long i = c; i < g.Rows * g.C; i += g.C)
            {
                double d = Through(g, gate, x, dy, m, exact, c, i);
                if (g.Training)
                    d -= (dshift.Pointer[c] + ((double)x.Pointer[i] - mean.Pointer[c]) * r * dscale.Pointer[c]) / g.Rows;
                BetaStore.Store(ref dx.Pointer[i], scale.Pointer[c] * r * d, beta);
            }
        }
    }

    private static double Activated(in BatchNormGeometry g, double v) => g.Activation switch
    {
        FusedActivation.ReLU => Math.Max(v, 0),
        FusedActivation.ReLU6 => Math.Min(Math.Max(v, 0), 6),
        _ => v,
    };

    // Mean and rstd as forward had them: in double where they are the batch's, so that v comes out the same.
    private static (double Mean, double Rstd) Used(in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> mean, DevicePtr<float> rstd, in BatchNormGate<float> gate, int c)
    {
        if (g.Activation == FusedActivation.None || !gate.Y.IsNull || !g.Training)
            return (mean.Pointer[c], rstd.Pointer[c]);
        (double m, double variance) = Statistics(g, x.Pointer, c);
        return (m, 1 / Math.Sqrt(variance + g.Epsilon));
    }

    // dv of one number.
    private static float Through(in BatchNormGeometry g, in BatchNormGate<float> gate, DevicePtr<float> x, DevicePtr<float> dy, double mean, double rstd, int c, long i)
    {
        if (g.Activation == FusedActivation.None)
            return dy.Pointer[i];
        float y = gate.Y.IsNull ? (float)((x.Pointer[i] - mean) * rstd * gate.Scale.Pointer[c] + gate.Shift.Pointer[c]) : gate.Y.Pointer[i];
        bool passes = y > 0 && (g.Activation != FusedActivation.ReLU6 || y < 6);
        return dy.Pointer[i] * (passes ? 1f : 0f);
    }
}
