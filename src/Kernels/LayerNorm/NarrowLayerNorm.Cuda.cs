using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Layer normalisation that makes 16 bits, of 16 bits or of float32: kernels that were compiled for them. Scale, shift and statistics are float32.</summary>
internal sealed class NarrowLayerNormKernels<TX>(CudaLayerNormKernels kernels) : LayerNormKernels<TX, ushort>
    where TX : unmanaged
{
    public override void Forward(in LayerNormGeometry g, DevicePtr<TX> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<ushort> y, DevicePtr<float> mean, DevicePtr<float> rstd) =>
        kernels.Forward(g, Of(x), scale, shift, CudaNarrowKernels.At(y), mean, rstd);

    public override void BackwardInput(in LayerNormGeometry g, DevicePtr<TX> x, DevicePtr<ushort> dy, DevicePtr<float> scale, DevicePtr<float> mean, DevicePtr<float> rstd, DevicePtr<TX> dx, float beta) =>
        kernels.BackwardInput(g, Of(x), CudaNarrowKernels.At(dy), scale, mean, rstd, Of(dx), beta);

    public override void BackwardScale(in LayerNormGeometry g, DevicePtr<TX> x, DevicePtr<ushort> dy, DevicePtr<float> mean, DevicePtr<float> rstd, DevicePtr<float> dscale, float beta) =>
        kernels.BackwardScale(g, Of(x), CudaNarrowKernels.At(dy), mean, rstd, dscale, beta);

    public override void BackwardShift(in LayerNormGeometry g, DevicePtr<ushort> dy, DevicePtr<float> dshift, float beta) => kernels.BackwardShift(g, CudaNarrowKernels.At(dy), dshift, beta);

    private static DevicePtr<float> Of(DevicePtr<TX> numbers) => new(numbers.Address);
}
