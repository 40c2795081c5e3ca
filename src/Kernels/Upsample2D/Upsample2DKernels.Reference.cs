namespace Graft.Kernels;

internal sealed unsafe class ReferenceUpsample2DKernels : Upsample2DKernels
{
    public override void Forward(in Upsample2DGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        for (int n = 0; n < g.N; n++)
        {
            for (int p = 0; p < g.OutH; p++)
            {
                for (int q = 0; q < g.OutW; q++)
                {
                    UpsampleSource row = g.Row(p), column = g.Column(q);
                    for (int c = 0; c < g.C; c++)
                    {
                        double above = (1.0 - column.Share) * x.Pointer[At(g, n, row.Low, column.Low, c)] + (double)column.Share * x.Pointer[At(g, n, row.Low, column.High, c)];
                        double below = (1.0 - column.Share) * x.Pointer[At(g, n, row.High, column.Low, c)] + (double)column.Share * x.Pointer[At(g, n, row.High, column.High, c)];
                        y.Pointer[(((long)n * g.OutH + p) * g.OutW + q) * g.C + c] = (float)((1.0 - row.Share) * above + row.Share * below);
                    }
                }
            }
        }
    }

    public override void BackwardInput(in Upsample2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        for (int n = 0; n < g.N; n++)
        {
            for (int h = 0; h < g.H; h++)
            {
                for (int w = 0; w < g.W; w++)
                {
                    for (int c = 0; c < g.C; c++)
                        BetaStore.Store(ref dx.Pointer[At(g, n, h, w, c)], Gradient(g, dy.Pointer, n, h, w, c), beta);
                }
            }
        }
    }

    private static double Gradient(in Upsample2DGeometry g, float* dy, int n, int h, int w, int c)
    {
        (int firstP, int endP) = UpsampleSource.Readers(g.Kind, h, g.FactorH, g.H);
        (int firstQ, int endQ) = UpsampleSource.Readers(g.Kind, w, g.FactorW, g.W);
        double sum = 0;
        for (int p = firstP; p < endP; p++)
        {
            for (int q = firstQ; q < endQ; q++)
                sum += (double)g.Row(p).ShareOf(h) * g.Column(q).ShareOf(w) * dy[(((long)n * g.OutH + p) * g.OutW + q) * g.C + c];
        }
        return sum;
    }

    private static long At(in Upsample2DGeometry g, int n, int h, int w, int c) => (((long)n * g.H + h) * g.W + w) * g.C + c;
}
