namespace Graft.Kernels;

/// <summary>The formulas of <see cref="Conv2DKernels"/> as they stand, with sums in double, whose own roundings are too small to count: what the fast kernels are compared with. In pixels, v is the column of the input, since w is the weight.</summary>
internal sealed unsafe class ReferenceConv2DKernels : Conv2DKernels
{
    public override void Forward(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y)
    {
        for (int n = 0; n < g.N; n++)
        {
            for (int p = 0; p < g.OutH; p++)
            {
                for (int q = 0; q < g.OutW; q++)
                {
                    for (int o = 0; o < g.O; o++)
                        y.Pointer[Output(g, n, p, q, o)] = (float)(Window(g, x.Pointer, w.Pointer, n, p, q, o) + (b.IsNull ? 0 : b.Pointer[o]));
                }
            }
        }
    }

    private static double Window(in Conv2DGeometry g, float* x, float* w, int n, int p, int q, int o)
    {
        double sum = 0;
        int c0 = o / g.GroupO * g.GroupC;
        for (int r = 0; r < g.R; r++)
        {
            for (int s = 0; s < g.S; s++)
            {
                int h = p * g.StrideH + r * g.DilationH - g.Padding.Top, v = q * g.StrideW + s * g.DilationW - g.Padding.Left;
                if (h < 0 || h >= g.H || v < 0 || v >= g.W)
                    continue;
                for (int c = 0; c < g.GroupC; c++)
                    sum += (double)x[(((long)n * g.H + h) * g.W + v) * g.C + c0 + c] * w[Weight(g, o, r, s, c)];
            }
        }
        return sum;
    }

    public override void BackwardInput(in Conv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta)
    {
        for (int n = 0; n < g.N; n++)
        {
            for (int h = 0; h < g.H; h++)
            {
                for (int v = 0; v < g.W; v++)
                {
                    for (int c = 0; c < g.C; c++)
                        BetaStore.Store(ref dx.Pointer[(((long)n * g.H + h) * g.W + v) * g.C + c], Covering(g, dy.Pointer, w.Pointer, n, h, v, c), beta);
                }
            }
        }
    }

    /// <summary>Sum of dy w over the windows that cover pixel (h,v).</summary>
    private static double Covering(in Conv2DGeometry g, float* dy, float* w, int n, int h, int v, int c)
    {
        double sum = 0;
        int group = c / g.GroupC;
        for (int r = 0; r < g.R; r++)
        {
            for (int s = 0; s < g.S; s++)
            {
                int down = h + g.Padding.Top - r * g.DilationH, across = v + g.Padding.Left - s * g.DilationW;
                if (down < 0 || across < 0 || down % g.StrideH != 0 || across % g.StrideW != 0)
                    continue;
                int p = down / g.StrideH, q = across / g.StrideW;
                if (p >= g.OutH || q >= g.OutW)
                    continue;
                for (int o = group * g.GroupO; o < (group + 1) * g.GroupO; o++)
                    sum += (double)dy[Output(g, n, p, q, o)] * w[Weight(g, o, r, s, c - group * g.GroupC)];
            }
        }
        return sum;
    }

    public override void BackwardWeight(in Conv2DGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta)
    {
        for (int o = 0; o < g.O; o++)
        {
            for (int r = 0; r < g.R; r++)
            {
                for (int s = 0; s < g.S; s++)
                {
                    for (int c = 0; c < g.GroupC; c++)
                        BetaStore.Store(ref dw.Pointer[Weight(g, o, r, s, c)], Correlation(g, x.Pointer, dy.Pointer, o, r, s, c), beta);
                }
            }
        }
    }

    /// <summary>Sum over all output pixels of dy times the input pixel that weight (r,s) touches there.</summary>
    private static double Correlation(in Conv2DGeometry g, float* x, float* dy, int o, int r, int s, int c)
    {
        double sum = 0;
        int channel = o / g.GroupO * g.GroupC + c;
        for (int n = 0; n < g.N; n++)
        {
            for (int p = 0; p < g.OutH; p++)
            {
                int h = p * g.StrideH + r * g.DilationH - g.Padding.Top;
                if (h < 0 || h >= g.H)
                    continue;
                for (int q = 0; q < g.OutW; q++)
                {
                    int v = q * g.StrideW + s * g.DilationW - g.Padding.Left;
                    if (v >= 0 && v < g.W)
                        sum += (double)dy[Output(g, n, p, q, o)] * x[(((long)n * g.H + h) * g.W + v) * g.C + channel];
                }
            }
        }
        return sum;
    }

    public override void BackwardBias(in Conv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> db, float beta)
    {
        long pixels = (long)g.N * g.OutH * g.OutW;
        for (int o = 0; o < g.O; o++)
        {
            double sum = 0;
            for (long i = 0; i < pixels; i++)
                sum += dy.Pointer[i * g.O + o];
            BetaStore.Store(ref db.Pointer[o], sum, beta);
        }
    }

    private static long Output(in Conv2DGeometry g, int n, int p, int q, int o) => (((long)n * g.OutH + p) * g.OutW + q) * g.O + o;

    private static long Weight(in Conv2DGeometry g, int o, int r, int s, int c) => (((long)o * g.R + r) * g.S + s) * g.GroupC + c;
}
