using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaPad2DKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : Pad2DKernels
{
    private readonly KernelFunction _forward = new(context, "Pad2D.cu", NarrowName.Of("pad2d_forward", stored)), _backward = new(context, "Pad2D.cu", "pad2d_backward");

    public override void Forward(in Pad2DGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        long count = (long)g.N * g.OutH * g.OutW * g.C;
        _forward.Over(count, x, y, count, g.H, g.W, g.C, g.OutH, g.OutW, g.Padding.Top, g.Padding.Left);
    }

    public override void BackwardInput(in Pad2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta)
    {
        long count = (long)g.N * g.H * g.W * g.C;
        _backward.Over(count, dy, dx, count, g.H, g.W, g.C, g.OutH, g.OutW, g.Padding.Top, g.Padding.Left, beta);
    }
}
