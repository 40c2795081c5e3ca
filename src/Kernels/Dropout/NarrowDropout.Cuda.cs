using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>Dropout of 16 bits: kernels that were compiled for them.</summary>
internal sealed class NarrowDropoutKernels(CudaDropoutKernels kernels) : DropoutKernels<ushort>
{
    public override void Forward(in DropoutGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y) => kernels.Forward(g, At(x), At(y));

    public override void BackwardInput(in DropoutGeometry g, DevicePtr<ushort> dy, DevicePtr<ushort> dx, float beta) => kernels.BackwardInput(g, At(dy), At(dx), beta);
}
