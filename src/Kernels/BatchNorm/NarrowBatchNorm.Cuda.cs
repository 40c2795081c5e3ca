using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>Batch normalisation of 16 bits: kernels that were compiled for them.</summary>
internal sealed class NarrowBatchNormKernels(CudaBatchNormKernels kernels) : BatchNormKernels<ushort>
{
    public override void Forward(
        in BatchNormGeometry g, DevicePtr<ushort> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<float> movingMean,
        DevicePtr<float> movingVariance, DevicePtr<ushort> y, DevicePtr<float> mean, DevicePtr<float> rstd, DevicePtr<ushort> residual) =>
        kernels.Forward(g, At(x), scale, shift, movingMean, movingVariance, At(y), mean, rstd, At(residual));

    public override void BackwardSums(
        in BatchNormGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> dy, DevicePtr<float> mean, DevicePtr<float> rstd,
        DevicePtr<float> dscale, DevicePtr<float> dshift, BatchNormGate<ushort> gate) =>
        kernels.BackwardSums(g, At(x), At(dy), mean, rstd, dscale, dshift, Gate(gate));

    public override void BackwardInput(
        in BatchNormGeometry g, DevicePtr<ushort> x, DevicePtr<ushort> dy, DevicePtr<float> scale, DevicePtr<float> mean,
        DevicePtr<float> rstd, DevicePtr<float> dscale, DevicePtr<float> dshift, DevicePtr<ushort> dx, float beta, BatchNormGate<ushort> gate) =>
        kernels.BackwardInput(g, At(x), At(dy), scale, mean, rstd, dscale, dshift, At(dx), beta, Gate(gate));

    private static BatchNormGate<float> Gate(BatchNormGate<ushort> gate) => new(gate.Scale, gate.Shift, At(gate.Y), At(gate.Passed));
}
