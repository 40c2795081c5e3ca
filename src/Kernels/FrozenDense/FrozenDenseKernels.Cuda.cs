using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>Weights are read as they are: packing is a copy.</summary>
internal sealed class CudaFrozenDenseKernels(CudaContext context, CudaAffine affine) : FrozenDenseKernels
{
    public override string Routine => $"Dense by {affine.Name}";

    public override long PackedSize(int k, int o) => (long)k * o;

    public override void Pack(int k, int o, DevicePtr<float> w, DevicePtr<float> packed) => context.Copy(w.Address, packed.Address, (long)k * o * sizeof(float));

    public override void Run(in FrozenDenseGeometry g, DevicePtr<float> x, DevicePtr<float> packed, DevicePtr<float> b, DevicePtr<float> residual, DevicePtr<float> y) =>
        affine.Run(g, x.Address, packed.Address, b.Address, residual.Address, y.Address);
}
