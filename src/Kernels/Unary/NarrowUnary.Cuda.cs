using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>Functions of one number on 16 bits: kernels that were compiled for them.</summary>
internal sealed class NarrowUnaryKernels(CudaUnaryKernels kernels) : UnaryKernels<ushort>
{
    public override void Forward(in UnaryGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y) => kernels.Forward(g, At(x), At(y));

    public override void BackwardInput(in UnaryGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y, DevicePtr<ushort> dy, DevicePtr<ushort> dx, float beta) =>
        kernels.BackwardInput(g, At(x), At(y), At(dy), At(dx), beta);
}
