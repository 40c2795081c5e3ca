namespace Graft.Kernels;

internal sealed unsafe class ReferenceLastTokenKernels : LastTokenKernels
{
    public override void Forward(in LastTokenGeometry g, DevicePtr<int> ids, DevicePtr<float> x, DevicePtr<float> y)
    {
        for (int n = 0; n < g.N; n++)
        {
            long row = (long)n * g.T + Last(g, ids, n);
            for (int c = 0; c < g.C; c++)
                y.Pointer[(long)n * g.C + c] = x.Pointer[row * g.C + c];
        }
    }

    public override void BackwardInput(in LastTokenGeometry g, DevicePtr<int> ids, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        for (int n = 0; n < g.N; n++)
        {
            int last = Last(g, ids, n);
            for (int t = 0; t < g.T; t++)
            {
                for (int c = 0; c < g.C; c++)
                    BetaStore.Store(ref dx.Pointer[((long)n * g.T + t) * g.C + c], t == last ? dy.Pointer[(long)n * g.C + c] : 0, beta);
            }
        }
    }

    private static int Last(in LastTokenGeometry g, DevicePtr<int> ids, int n)
    {
        int last = 0;
        for (int t = 0; t < g.T; t++)
        {
            if (ids.Pointer[(long)n * g.T + t] != g.Padding)
                last = t;
        }
        return last;
    }
}
