namespace Graft.Kernels;

internal sealed unsafe class ReferenceUnfoldKernels : UnfoldKernels
{
    public override void Unfold(in UnfoldGeometry g, DevicePtr<float> x, DevicePtr<float> y, float beta)
    {
        for (long i = 0; i < g.WindowCount; i++)
        {
            int c = (int)(i % g.C), s = (int)(i / g.C % g.S), m = (int)(i / g.C / g.S % g.M), p = (int)(i / g.C / g.S / g.M % g.P);
            long n = i / g.C / g.S / g.M / g.P;
            int t = g.Position(p, s);
            BetaStore.Store(ref y.Pointer[i], t >= 0 && t < g.T ? x.Pointer[((n * g.T + t) * g.M + m) * g.C + c] : 0, beta);
        }
    }

    public override void Fold(in UnfoldGeometry g, DevicePtr<float> y, DevicePtr<float> x, float beta)
    {
        for (long i = 0; i < g.Count; i++)
        {
            int c = (int)(i % g.C), m = (int)(i / g.C % g.M), t = (int)(i / g.C / g.M % g.T);
            long n = i / g.C / g.M / g.T;
            double sum = 0;
            for (int s = 0; s < g.S; s++)
            {
                int p = g.Window(t, s);
                sum += p < 0 ? 0 : y.Pointer[(((n * g.P + p) * g.M + m) * g.S + s) * g.C + c];
            }
            BetaStore.Store(ref x.Pointer[i], sum, beta);
        }
    }
}
