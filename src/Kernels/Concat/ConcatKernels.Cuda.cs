using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaConcatKernels(CudaContext context) : ConcatKernels
{
    private readonly CudaStridedCopy _copy = new(context);

    public override void Forward(in ConcatGeometry g, DevicePtr<float> x, DevicePtr<float> y) => _copy.ScatterColumns(g.Outer, g.Total, g.Offset, g.Part, x, y, 0);

    public override void BackwardInput(in ConcatGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta) => _copy.GatherColumns(g.Outer, g.Total, g.Offset, g.Part, dy, dx, beta);
}
