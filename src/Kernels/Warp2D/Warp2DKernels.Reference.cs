namespace Graft.Kernels;

internal sealed unsafe class ReferenceWarp2DKernels : Warp2DKernels
{
    public override void Forward(in Warp2DGeometry g, DevicePtr<float> x, DevicePtr<float> m, DevicePtr<float> y)
    {
        Span<(int Y, int X, float Share)> places = stackalloc (int, int, float)[4];
        for (long i = 0; i < (long)g.N * g.OutH * g.OutW; i++)
        {
            long n = i / g.OutW / g.OutH;
            int count = g.Sources(new ReadOnlySpan<float>(m.Pointer + n * 6, 6), (int)(i / g.OutW % g.OutH), (int)(i % g.OutW), places);
            for (int c = 0; c < g.C; c++)
            {
                double sum = 0;
                foreach ((int h, int w, float share) in places[..count])
                    sum += (double)share * (g.IsInside(h, w) ? x.Pointer[((n * g.H + h) * g.W + w) * g.C + c] : g.FillValue);
                y.Pointer[i * g.C + c] = (float)sum;
            }
        }
    }

    public override void BackwardInput(in Warp2DGeometry g, DevicePtr<float> m, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        var sums = new double[(long)g.N * g.H * g.W * g.C];
        Span<(int Y, int X, float Share)> places = stackalloc (int, int, float)[4];
        for (long i = 0; i < (long)g.N * g.OutH * g.OutW; i++)
        {
            long n = i / g.OutW / g.OutH;
            int count = g.Sources(new ReadOnlySpan<float>(m.Pointer + n * 6, 6), (int)(i / g.OutW % g.OutH), (int)(i % g.OutW), places);
            foreach ((int h, int w, float share) in places[..count])
            {
                for (int c = 0; c < g.C && g.IsInside(h, w); c++)
                    sums[((n * g.H + h) * g.W + w) * g.C + c] += (double)share * dy.Pointer[i * g.C + c];
            }
        }
        for (long i = 0; i < sums.Length; i++)
            BetaStore.Store(ref dx.Pointer[i], sums[i], beta);
    }
}
