using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>Reductions of 16 bits: kernels that were compiled for them.</summary>
internal sealed class NarrowReduceKernels(CudaReduceKernels kernels) : ReduceKernels<ushort>
{
    public override void Forward(in ReduceGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y, float beta) => kernels.Forward(g, At(x), At(y), beta);

    public override void BackwardInput(in ReduceGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y, DevicePtr<ushort> dy, DevicePtr<ushort> dx, float beta) =>
        kernels.BackwardInput(g, At(x), At(y), At(dy), At(dx), beta);
}
