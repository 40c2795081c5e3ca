namespace Graft.Kernels;

/// <summary>The formulas of <see cref="LayerNormKernels"/> as they stand, with sums in double, whose own roundings are too small to count: what the fast kernels are compared with.</summary>
internal sealed unsafe class ReferenceLayerNormKernels : LayerNormKernels
{
    public override void Forward(
        in LayerNormGeometry g, DevicePtr<float> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<float> y,
        DevicePtr<float> mean, DevicePtr<float> rstd)
    {
        for (long row = 0; row < g.Rows; row++)
        {
            float* from = x.Pointer + row * g.C, to = y.Pointer + row * g.C;
            double sum = 0, squares = 0;
            for (int c = 0; c < g.C; c++)
                sum += from[c];
            double m = sum / g.C;
            for (int c = 0; c < g.C; c++)
                squares += (from[c] - m) * (from[c] - m);
            double r = 1 / Math.Sqrt(squares / g.C + g.Epsilon);
            for (int c = 0; c < g.C; c++)
                to[c] = (float)((from[c] - m) * r * scale.Pointer[c] + shift.Pointer[c]);
            mean.Pointer[row] = (float)m;
            rstd.Pointer[row] = (float)r;
        }
    }

    public override void BackwardInput(
        in LayerNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> scale, DevicePtr<float> mean,
        DevicePtr<float> rstd, DevicePtr<float> dx, float beta)
    {
        for (long row = 0; row < g.Rows; row++)
        {
            float* from = x.Pointer + row * g.C, upstream = dy.Pointer + row * g.C, to = dx.Pointer + row * g.C;
            double m = mean.Pointer[row], r = rstd.Pointer[row], sum = 0, product = 0;
            for (int c = 0; c < g.C; c++)
            {
                double d = (double)upstream[c] * scale.Pointer[c];
                sum += d;
                product += d * (from[c] - m) * r;
            }
            for (int c = 0; c < g.C; c++)
            {
                double d = (double)upstream[c] * scale.Pointer[c];
                BetaStore.Store(ref to[c], r * (d - sum / g.C - (from[c] - m) * r * product / g.C), beta);
            }
        }
    }

    public override void BackwardScale(
        in LayerNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> mean, DevicePtr<float> rstd,
        DevicePtr<float> dscale, float beta)
    {
        for (int c = 0; c < g.C; c++)
        {
            double sum = 0;
            for (long row = 0; row < g.Rows; row++)
                sum += dy.Pointer[row * g.C + c] * ((double)x.Pointer[row * g.C + c] - mean.Pointer[row]) * rstd.Pointer[row];
            BetaStore.Store(ref dscale.Pointer[c], sum, beta);
        }
    }

    public override void BackwardShift(in LayerNormGeometry g, DevicePtr<float> dy, DevicePtr<float> dshift, float beta)
    {
        for (int c = 0; c < g.C; c++)
        {
            double sum = 0;
            for (long row = 0; row < g.Rows; row++)
                sum += dy.Pointer[row * g.C + c];
            BetaStore.Store(ref dshift.Pointer[c], sum, beta);
        }
    }
}
