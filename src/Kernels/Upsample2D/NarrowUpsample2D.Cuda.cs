using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>Larger images of 16 bits: kernels that were compiled for them.</summary>
internal sealed class NarrowUpsample2DKernels(CudaUpsample2DKernels kernels) : Upsample2DKernels<ushort>
{
    public override void Forward(in Upsample2DGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y) => kernels.Forward(g, At(x), At(y));

    public override void BackwardInput(in Upsample2DGeometry g, DevicePtr<ushort> dy, DevicePtr<ushort> dx, float beta) => kernels.BackwardInput(g, At(dy), At(dx), beta);
}
