using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>Cross-entropy of logits of 16 bits, whose gradients have as many: kernels that were compiled for them. Labels, sums and losses are float32.</summary>
internal sealed class NarrowSoftmaxCrossEntropyKernels(CudaSoftmaxCrossEntropyKernels kernels) : SoftmaxCrossEntropyKernels<ushort>
{
    public override void Forward(in ClassLossGeometry g, DevicePtr<ushort> x, DevicePtr<float> t, DevicePtr<float> loss) => kernels.Forward(g, At(x), t, loss);

    public override void BackwardInput(in ClassLossGeometry g, DevicePtr<ushort> x, DevicePtr<float> t, DevicePtr<float> dloss, DevicePtr<ushort> dx, float beta) =>
        kernels.BackwardInput(g, At(x), t, dloss, At(dx), beta);
}
