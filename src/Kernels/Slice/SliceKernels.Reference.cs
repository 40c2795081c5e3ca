namespace Graft.Kernels;

internal sealed unsafe class ReferenceSliceKernels : SliceKernels
{
    public override void Forward(in SliceGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        for (long n = 0; n < g.Outer; n++)
        {
            for (long i = 0; i < g.Part; i++)
                y.Pointer[n * g.Part + i] = x.Pointer[n * g.Total + g.Offset + i];
        }
    }

    public override void BackwardInput(in SliceGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        for (long n = 0; n < g.Outer; n++)
        {
            for (long i = 0; i < g.Total; i++)
            {
                bool inside = i >= g.Offset && i < g.Offset + g.Part;
                BetaStore.Store(ref dx.Pointer[n * g.Total + i], inside ? dy.Pointer[n * g.Part + i - g.Offset] : 0, beta);
            }
        }
    }
}
