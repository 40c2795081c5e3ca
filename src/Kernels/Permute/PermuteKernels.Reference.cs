namespace Graft.Kernels;

internal sealed unsafe class ReferencePermuteKernels : PermuteKernels
{
    public override void Forward(in PermuteGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        long count = g.Extents.Product;
        for (long i = 0; i < count; i++)
            y.Pointer[i] = x.Pointer[g.Extents.Offset(i, g.Strides)];
    }

    public override void BackwardInput(in PermuteGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        long count = g.Extents.Product;
        for (long i = 0; i < count; i++)
            BetaStore.Store(ref dx.Pointer[g.Extents.Offset(i, g.Strides)], dy.Pointer[i], beta);
    }
}
