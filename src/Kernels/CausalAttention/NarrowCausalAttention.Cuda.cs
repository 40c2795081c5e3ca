using static Graft.Kernels.Cuda.CudaNarrowKernels;

namespace Graft.Kernels;

/// <summary>Attention of 16 bits, without stored weights: kernels that were compiled for them.</summary>
internal sealed class NarrowCausalAttentionKernels(CudaCausalAttentionKernels kernels) : CausalAttentionKernels<ushort>
{
    public override void Forward(in CausalAttentionGeometry g, DevicePtr<ushort> qkv, DevicePtr<ushort> y, DevicePtr<float> lse) => kernels.ForwardTiles(g, qkv.Address, y.Address, lse);

    public override void Backward(in CausalAttentionGeometry g, DevicePtr<ushort> qkv, DevicePtr<ushort> y, DevicePtr<float> lse, DevicePtr<ushort> dy, DevicePtr<ushort> dqkv, float beta) =>
        kernels.BackwardTiles(g, At(qkv), At(y), lse, At(dy), At(dqkv), beta);
}
