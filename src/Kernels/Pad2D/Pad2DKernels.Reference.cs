namespace Graft.Kernels;

internal sealed unsafe class ReferencePad2DKernels : Pad2DKernels
{
    public override void Forward(in Pad2DGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        for (int n = 0; n < g.N; n++)
        {
            for (int p = 0; p < g.OutH; p++)
            {
                for (int q = 0; q < g.OutW; q++)
                {
                    int h = p - g.Padding.Top, v = q - g.Padding.Left;
                    bool inside = h >= 0 && h < g.H && v >= 0 && v < g.W;
                    for (int c = 0; c < g.C; c++)
                        y.Pointer[(((long)n * g.OutH + p) * g.OutW + q) * g.C + c] = inside ? x.Pointer[(((long)n * g.H + h) * g.W + v) * g.C + c] : 0;
                }
            }
        }
    }

    public override void BackwardInput(in Pad2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        for (int n = 0; n < g.N; n++)
        {
            for (int h = 0; h < g.H; h++)
            {
                for (long i = 0; i < (long)g.W * g.C; i++)
                {
                    long from = (((long)n * g.OutH + h + g.Padding.Top) * g.OutW + g.Padding.Left) * g.C + i;
                    BetaStore.Store(ref dx.Pointer[((long)n * g.H + h) * g.W * g.C + i], dy.Pointer[from], beta);
                }
            }
        }
    }
}
