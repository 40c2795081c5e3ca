using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>Padding of 16 bits: kernels that were compiled for them.</summary>
internal sealed class NarrowPad2DKernels(CudaPad2DKernels kernels) : Pad2DKernels<ushort>
{
    public override void Forward(in Pad2DGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y) => kernels.Forward(g, At(x), At(y));

    public override void BackwardInput(in Pad2DGeometry g, DevicePtr<ushort> dy, DevicePtr<ushort> dx, float beta) => kernels.BackwardInput(g, At(dy), At(dx), beta);
}
