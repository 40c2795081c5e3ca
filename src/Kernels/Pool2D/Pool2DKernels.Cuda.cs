using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaPool2DKernels(CudaContext context, ComputePrecision stored = ComputePrecision.Float32) : Pool2DKernels
{
    private readonly KernelFunction _maxForward = new(context, "Pool2D.cu", NarrowName.Of("max_pool2d_forward", stored)), _maxBackward = new(context, "Pool2D.cu", "max_pool2d_backward"),
        _averageForward = new(context, "Pool2D.cu", NarrowName.Of("average_pool2d_forward", stored)), _averageBackward = new(context, "Pool2D.cu", "average_pool2d_backward");

    public override void MaxForward(in Pool2DGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<int> winners) =>
        _maxForward.Over(Outputs(g), x, y, winners.Address, Outputs(g), Sizes(g));

    public override void MaxBackward(in Pool2DGeometry g, DevicePtr<float> dy, DevicePtr<int> winners, DevicePtr<float> dx, float beta) =>
        _maxBackward.Over(Inputs(g), dy, winners.Address, dx, Inputs(g), Sizes(g), beta);

    public override void AverageForward(in Pool2DGeometry g, DevicePtr<float> x, DevicePtr<float> y) =>
        _averageForward.Over(Outputs(g), x, y, Outputs(g), Sizes(g));

    public override void AverageBackward(in Pool2DGeometry g, DevicePtr<float> dy, DevicePtr<float> dx, float beta) =>
        _averageBackward.Over(Inputs(g), dy, dx, Inputs(g), Sizes(g), beta);

    private static long Inputs(in Pool2DGeometry g) => (long)g.N * g.H * g.W * g.C;

    private static long Outputs(in Pool2DGeometry g) => (long)g.N * g.OutH * g.OutW * g.C;

    private static KernelArgument Sizes(in Pool2DGeometry g) => KernelArgument.Of(
        new Pooling(g.H, g.W, g.C, g.R, g.S, g.StrideH, g.StrideW, g.Padding.Top, g.Padding.Left, g.OutH, g.OutW, g.CountPadding ? 1 : 0));

    /// <summary>Laid out as Pooling of Pool2D.cu.</summary>
    private readonly record struct Pooling(int H, int W, int C, int R, int S, int StrideH, int StrideW, int Top, int Left, int OutH, int OutW, int CountPadding);
}
