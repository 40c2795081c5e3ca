using Graft.Kernels.Cuda;

namespace Graft.Kernels;

internal sealed class CudaDepthwiseConv2DKernels(CudaContext context, CudaReduceKernels reduce, ComputePrecision stored = ComputePrecision.Float32) : DepthwiseConv2DKernels
{
    private const string File = "DepthwiseConv2D.cu";
    private const int Channels = 32, ChannelRows = 8; // threads of a block, as in DepthwiseConv2D.cu

    private readonly KernelFunction _forward = new(context, File, NarrowName.Of("depthwise_conv2d_forward", stored)),
        _backwardInput = new(context, File, NarrowName.Of("depthwise_conv2d_backward_input", stored)), _backwardWeight = new(context, File, NarrowName.Of("depthwise_conv2d_backward_weight", stored));

    public override void Forward(in DepthwiseConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<float> y)
    {
        long count = Pixels(g) * g.O;
        _forward.Over(count, x, w, b, y, count, Sizes(g));
    }

    public override void BackwardInput(in DepthwiseConv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> w, DevicePtr<float> dx, float beta)
    {
        long count = (long)g.N * g.H * g.W * g.C;
        _backwardInput.Over(count, dy, w, dx, count, Sizes(g), beta);
    }

    public override void BackwardWeight(in DepthwiseConv2DGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> dw, float beta)
    {
        int taps = g.R * g.S;
        long blocks = (g.O + Channels - 1L) / Channels;
        CudaSegments pixels = CudaSegments.Of(Pixels(g), blocks * taps, shortest: 256);
        using var parts = new CudaScratch(context, (long)pixels.Count * taps * g.O * sizeof(double));
        _backwardWeight.Launch(blocks, pixels.Count * taps, Channels, ChannelRows, x, dy, parts.Address, Pixels(g), pixels.Length, Sizes(g));
        reduce.JoinParts(parts.Address, dw, (long)taps * g.O, pixels.Count, beta);
    }

    public override void BackwardBias(in DepthwiseConv2DGeometry g, DevicePtr<float> dy, DevicePtr<float> db, float beta) => reduce.SumRows(Pixels(g), g.O, dy, db, beta);

    private static long Pixels(in DepthwiseConv2DGeometry g) => (long)g.N * g.OutH * g.OutW;

    private static KernelArgument Sizes(in DepthwiseConv2DGeometry g) => KernelArgument.Of(
        new Depthwise(g.H, g.W, g.C, g.R, g.S, g.M, g.StrideH, g.StrideW, g.DilationH, g.DilationW, g.Padding.Top, g.Padding.Left, g.OutH, g.OutW));

    /// <summary>Laid out as Depthwise of DepthwiseConv2D.cu.</summary>
    private readonly record struct Depthwise(int H, int W, int C, int R, int S, int M, int StrideH, int StrideW, int DilationH, int DilationW, int Top, int Left, int OutH, int OutW);
}
