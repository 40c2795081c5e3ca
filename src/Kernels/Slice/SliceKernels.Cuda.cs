using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaSliceKernels(CudaContext context, MemoryKernels memory) : SliceKernels
{
    private readonly CudaStridedCopy _copy = new(context);

    public override void Forward(in SliceGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        (Axes extents, Axes strides) = CudaStridedCopy.Columns(g.Outer, g.Total, g.Part);
        _copy.Gather(extents, strides, x.At(g.Offset), y, 0);
    }

    public override void BackwardInput(in SliceGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        if (beta == 0)
            memory.Fill(dx, g.Outer * g.Total, 0);
        (Axes extents, Axes strides) = CudaStridedCopy.Columns(g.Outer, g.Total, g.Part);
        _copy.Scatter(extents, strides, dy, dx.At(g.Offset), beta);
    }
}
