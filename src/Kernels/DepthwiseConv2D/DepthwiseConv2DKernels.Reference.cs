namespace Graft.Kernels;

internal sealed unsafe class ReferenceDepthwiseConv2DKernels : DepthwiseConv2DKernels
{
    public override void Forward(in DepthwiseConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y)
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

    private static double Window(in DepthwiseConv2DGeometry g, float* x, float* w, int n, int p, int q, int o)
    {
        double sum = 0;
        for (int r = 0; r < g.R; r++)
        {
            for (int s = 0; s < g.S; s++)
            {
                int h = p * g.StrideH + r * g.DilationH - g.Padding.Top, v = q * g.StrideW + s * g.DilationW - g.Padding.Left;
                if (h >= 0 && h < g.H && v >= 0 && v < g.W)
                    sum += (double)x[Input(g, n, h, v, o / g.M)] * w[((long)r * g.S + s) * g.O + o];
            }
        }
        return sum;
    }

    public override void BackwardInput(in DepthwiseConv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta)
    {
        for (int n = 0; n < g.N; n++)
        {
            for (int h = 0; h < g.H; h++)
            {
                for (int v = 0; v < g.W; v++)
                {
                    for (int c = 0; c < g.C; c++)
                        BetaStore.Store(ref dx.Pointer[Input(g, n, h, v, c)], Covering(g, dy.Pointer, w.Pointer, n, h, v, c), beta);
                }
            }
        }
    }

    /// <summary>Sum of dy w over the windows that cover pixel (h,v).</summary>
    private static double Covering(in DepthwiseConv2DGeometry g, float* dy, float* w, int n, int h, int v, int c)
    {
        double sum = 0;
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
                for (int o = c * g.M; o < (c + 1) * g.M; o++)
                    sum += (double)dy[Output(g, n, p, q, o)] * w[((long)r * g.S + s) * g.O + o];
            }
        }
        return sum;
    }

    public override void BackwardWeight(in DepthwiseConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta)
    {
        for (int r = 0; r < g.R; r++)
        {
            for (int s = 0; s < g.S; s++)
            {
                for (int o = 0; o < g.O; o++)
                    BetaStore.Store(ref dw.Pointer[((long)r * g.S + s) * g.O + o], Correlation(g, x.Pointer, dy.Pointer, r, s, o), beta);
            }
        }
    }

    private static double Correlation(in DepthwiseConv2DGeometry g, float* x, float* dy, int r, int s, int o)
    {
        double sum = 0;
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
                        sum += (double)dy[Output(g, n, p, q, o)] * x[Input(g, n, h, v, o / g.M)];
                }
            }
        }
        return sum;
    }

    public override void BackwardBias(in DepthwiseConv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> db, float beta)
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

    private static long Input(in DepthwiseConv2DGeometry g, int n, int h, int v, int c) => (((long)n * g.H + h) * g.W + v) * g.C + c;

    private static long Output(in DepthwiseConv2DGeometry g, int n, int p, int q, int o) => (((long)n * g.OutH + p) * g.OutW + q) * g.O + o;
}
