using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaSliceKernels(CudaContext context, MemoryKernels memory) : SliceKernels
{
    private readonly CudaStridedCopy _copy = new(context);

    public override void Forward(in SliceGeometry g, DevicePtr<float> x, DevicePtr<float> y) => _copy.GatherColumns(g.Outer, g.Total, g.Offset, g.Part, x, y, 0);

    public override void BackwardInput(in SliceGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        if (beta == 0)
            memory.Fill(dx, g.Outer * g.Total, 0);
        _copy.ScatterColumns(g.Outer, g.Total, g.Offset, g.Part, dy, dx, beta);
    }
}
