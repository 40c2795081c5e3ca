using Graft.Kernels.Cuda;
using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>A range of an axis of 16 bits: copies that were compiled for them.</summary>
internal sealed class NarrowSliceKernels(CudaContext context, CudaStridedCopy copy) : SliceKernels<ushort>
{
    public override void Forward(in SliceGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y) => copy.GatherColumns(g.Outer, g.Total, g.Offset, g.Part, At(x), At(y), 0);

    public override void BackwardInput(in SliceGeometry g, DevicePtr<ushort> dy, DevicePtr<ushort> dx, float beta)
    {
        if (beta == 0)
            context.Clear(dx.Address, g.Outer * g.Total * sizeof(ushort));
        copy.ScatterColumns(g.Outer, g.Total, g.Offset, g.Part, At(dy), At(dx), beta);
    }
}
