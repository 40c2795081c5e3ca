using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaUpsample2DKernels(CudaContext context) : Upsample2DKernels
{
    private readonly KernelFunction _forward = new(context, "Upsample2D.cu", "upsample2d_forward"), _backward = new(context, "Upsample2D.cu", "upsample2d_backward");

    public override void Forward(in Upsample2DGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        long count = (long)g.N * g.OutH * g.OutW * g.C;
        _forward.Over(count, x, y, count, Bilinear(g), g.H, g.W, g.C, g.FactorH, g.FactorW);
    }

    public override void BackwardInput(in Upsample2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        long count = (long)g.N * g.H * g.W * g.C;
        _backward.Over(count, dy, dx, count, Bilinear(g), g.H, g.W, g.C, g.FactorH, g.FactorW, beta);
    }

    private static int Bilinear(in Upsample2DGeometry g) => g.Kind == UpsampleKind.Bilinear ? 1 : 0;
}
