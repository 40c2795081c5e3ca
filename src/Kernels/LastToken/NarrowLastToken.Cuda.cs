using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>Rows of last tokens of 16 bits: kernels that were compiled for them.</summary>
internal sealed class NarrowLastTokenKernels(CudaLastTokenKernels kernels) : LastTokenKernels<ushort>
{
    public override void Forward(in LastTokenGeometry g, DevicePtr<int> ids, DevicePtr<ushort> x, DevicePtr<ushort> y) => kernels.Forward(g, ids, At(x), At(y));

    public override void BackwardInput(in LastTokenGeometry g, DevicePtr<int> ids, DevicePtr<ushort> dy, DevicePtr<ushort> dx, float beta) => kernels.BackwardInput(g, ids, At(dy), At(dx), beta);
}
