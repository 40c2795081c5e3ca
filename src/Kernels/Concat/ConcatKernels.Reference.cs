namespace Graft.Kernels;

internal sealed unsafe class ReferenceConcatKernels : ConcatKernels
{
    public override void Forward(in ConcatGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        for (long n = 0; n < g.Outer; n++)
        {
            for (long i = 0; i < g.Part; i++)
                y.Pointer[n * g.Total + g.Offset + i] = x.Pointer[n * g.Part + i];
        }
    }

    public override void BackwardInput(in ConcatGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        for (long n = 0; n < g.Outer; n++)
        {
            for (long i = 0; i < g.Part; i++)
                BetaStore.Store(ref dx.Pointer[n * g.Part + i], dy.Pointer[n * g.Total + g.Offset + i], beta);
        }
    }
}
