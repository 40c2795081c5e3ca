using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaConcatKernels(CudaContext context) : ConcatKernels
{
    private readonly CudaStridedCopy _copy = new(context);

    public override void Forward(in ConcatGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        (Axes extents, Axes strides) = CudaStridedCopy.Columns(g.Outer, g.Total, g.Part);
        _copy.Scatter(extents, strides, x, y.At(g.Offset), 0);
    }

    public override void BackwardInput(in ConcatGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        (Axes extents, Axes strides) = CudaStridedCopy.Columns(g.Outer, g.Total, g.Part);
        _copy.Gather(extents, strides, dy.At(g.Offset), dx, beta);
    }
}
