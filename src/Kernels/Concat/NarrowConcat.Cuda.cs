using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>Parts of 16 bits joined along an axis: copies that were compiled for them.</summary>
internal sealed class NarrowConcatKernels(CudaStridedCopy copy) : ConcatKernels<ushort>
{
    public override void Forward(in ConcatGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y) => copy.ScatterColumns(g.Outer, g.Total, g.Offset, g.Part, At(x), At(y), 0);

    public override void BackwardInput(in ConcatGeometry g, DevicePtr<ushort> dy, DevicePtr<ushort> dx, float beta) => copy.GatherColumns(g.Outer, g.Total, g.Offset, g.Part, At(dy), At(dx), beta);
}
