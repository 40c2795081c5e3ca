namespace Graft.Kernels;

/// <summary>The formulas of <see cref="SoftmaxKernels"/> as they stand, with sums in double, whose own roundings are too small to count: what the fast kernels are compared with.</summary>
internal sealed unsafe class ReferenceSoftmaxKernels : SoftmaxKernels
{
    public override void Forward(in SoftmaxGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        for (long row = 0; row < g.Rows; row++)
        {
            float* from = x.Pointer + row * g.C, to = y.Pointer + row * g.C;
            float max = float.NegativeInfinity;
            for (int c = 0; c < g.C; c++)
                max = Math.Max(max, from[c]);
            double sum = 0;
            for (int c = 0; c < g.C; c++)
                sum += Math.Exp((double)from[c] - max);
            for (int c = 0; c < g.C; c++)
                to[c] = (float)(g.Log ? (double)from[c] - max - Math.Log(sum) : Math.Exp((double)from[c] - max) / sum);
        }
    }

    public override void BackwardInput(in SoftmaxGeometry g, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        for (long row = 0; row < g.Rows; row++)
        {
            float* outputs = y.Pointer + row * g.C, upstream = dy.Pointer + row * g.C, to = dx.Pointer + row * g.C;
            double sum = 0;
            for (int c = 0; c < g.C; c++)
                sum += g.Log ? upstream[c] : (double)upstream[c] * outputs[c];
            for (int c = 0; c < g.C; c++)
                BetaStore.Store(ref to[c], g.Log ? upstream[c] - Math.Exp(outputs[c]) * sum : outputs[c] * (upstream[c] - sum), beta);
        }
    }
}
