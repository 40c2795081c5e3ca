using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>Pooling of 16 bits: kernels that were compiled for them.</summary>
internal sealed class NarrowPool2DKernels(CudaPool2DKernels kernels) : Pool2DKernels<ushort>
{
    public override void MaxForward(in Pool2DGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y, DevicePtr<int> winners) => kernels.MaxForward(g, At(x), At(y), winners);

    public override void MaxBackward(in Pool2DGeometry g, DevicePtr<ushort> dy, DevicePtr<int> winners, DevicePtr<ushort> dx, float beta) =>
        kernels.MaxBackward(g, At(dy), winners, At(dx), beta);

    public override void AverageForward(in Pool2DGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y) => kernels.AverageForward(g, At(x), At(y));

    public override void AverageBackward(in Pool2DGeometry g, DevicePtr<ushort> dy, DevicePtr<ushort> dx, float beta) => kernels.AverageBackward(g, At(dy), At(dx), beta);
}
