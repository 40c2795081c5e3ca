using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>Depthwise convolutions of images of 16 bits: kernels that were compiled for them. Weights, biases and their gradients are float32, and nothing of them is rounded.</summary>
/// <param name="kernels">The kernels.</param>
/// <param name="reduce">Sums of 16 bits.</param>
/// <param name="exact">Sums of float32.</param>
internal sealed class NarrowDepthwiseConv2DKernels(CudaDepthwiseConv2DKernels kernels, CudaReduceKernels reduce, CudaReduceKernels exact) : DepthwiseConv2DKernels<ushort>
{
    public override void Forward(in DepthwiseConv2DGeometry g, DevicePtr<ushort> x, DevicePtr<float> w, DevicePtr<float> b, DevicePtr<ushort> y) => kernels.Forward(g, At(x), w, b, At(y));

    public override void BackwardInput(in DepthwiseConv2DGeometry g, DevicePtr<ushort> dy, DevicePtr<float> w, DevicePtr<ushort> dx, float beta) => kernels.BackwardInput(g, At(dy), w, At(dx), beta);

    public override void BackwardWeight(in DepthwiseConv2DGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> dy, DevicePtr<float> dw, float beta) => kernels.BackwardWeight(g, At(x), At(dy), dw, beta);

    public override void BackwardBias(in DepthwiseConv2DGeometry g, DevicePtr<ushort> dy, DevicePtr<float> db, float beta) =>
        reduce.SumRows(exact, checked(g.N * g.OutH * g.OutW), g.O, dy.Address, db, beta);
}
