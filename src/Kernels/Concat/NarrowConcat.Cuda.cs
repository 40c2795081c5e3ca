using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>Parts of 16 bits joined along an axis: copies that were compiled for them.</summary>
internal sealed class NarrowConcatKernels(CudaStridedCopy copy) : ConcatKernels<ushort>
{
    public override void Forward(in ConcatGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> y)
    {
        (Axes extents, Axes strides) = CudaStridedCopy.Columns(g.Outer, g.Total, g.Part);
        copy.Scatter(extents, strides, At(x), At(y.At(g.Offset)), 0);
    }

    public override void BackwardInput(in ConcatGeometry g, DevicePtr<ushort> dy, DevicePtr<ushort> dx, float beta)
    {
        (Axes extents, Axes strides) = CudaStridedCopy.Columns(g.Outer, g.Total, g.Part);
        copy.Gather(extents, strides, At(dy.At(g.Offset)), At(dx), beta);
    }
}
