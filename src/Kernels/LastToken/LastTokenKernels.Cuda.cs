using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaLastTokenKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : LastTokenKernels
{
    private readonly KernelFunction _forward = new(context, "LastToken.cu", NarrowName.Of("last_token_forward", stored)),
        _backward = new(context, "LastToken.cu", NarrowName.Of("last_token_backward", stored));

    public override void Forward(in LastTokenGeometry g, DevicePtr<int> ids, DevicePtr<float> x, DevicePtr<float> y) =>
        _forward.Launch(g.N, CudaRows.Threads(g.C), ids.Address, x, y, g.T, g.C, g.Padding);

    public override void BackwardInput(in LastTokenGeometry g, DevicePtr<int> ids, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        if (beta == 0)
            context.Clear(dx.Address, (long)g.N * g.T * g.C * (stored.IsNarrow() ? sizeof(ushort) : sizeof(float)));
        _backward.Launch(g.N, CudaRows.Threads(g.C), ids.Address, dy, dx, g.T, g.C, g.Padding, beta);
    }
}
