using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>
/// Heads of up to <see cref="MostD"/> numbers by own kernels that never store the weights; wider ones by cuBLAS with the weights of a sequence stored. A token
/// that is read with a cache has a kernel of its own.
/// </summary>
/// <param name="context">The GPU.</param>
/// <param name="products">Those of wider heads.</param>
/// <param name="precision">What factors are rounded to.</param>
/// <param name="stored">How qkv, y and their gradients lie in memory where <see cref="HasTiles"/>; elsewhere they are float32.</param>
internal sealed partial class CudaCausalAttentionKernels(CudaContext context, CudaProducts products, ComputePrecision precision = ComputePrecision.Float32,
    ComputePrecision stored = ComputePrecision.Float32) : CausalAttentionKernels
{
    private const int CacheThreads = 256; // as in CausalAttention.cu
    private const string File = "CausalAttention.cu", BackwardFile = "AttentionBackward.cu";

    private readonly KernelFunction _one = new(context, File, "attention_one"), _append = new(context, File, "append_cache"), _softmax = new(context, File, "causal_softmax"),
        _softmaxBackward = new(context, BackwardFile, "causal_softmax_backward");

    public override void Forward(in CausalAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<float> y, DevicePtr<float> lse)
    {
        if (HasTiles(g))
            ForwardTiles(g, qkv.Address, y.Address, lse);
        else
            ForwardStored(g, qkv, y, lse);
    }

    public override void Backward(
        in CausalAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<float> y, DevicePtr<float> lse, DevicePtr<float> dy, DevicePtr<float> dqkv, float beta)
    {
        if (HasTiles(g))
            BackwardTiles(g, qkv, y, lse, dy, dqkv, beta);
        else
            BackwardStored(g, qkv, lse, dy, dqkv, beta);
    }

    public override void ForwardCached(in CachedAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<int> past, DevicePtr<float> keys, DevicePtr<float> values, DevicePtr<float> y)
    {
        if (TryForwardToken(g, qkv, past, keys, values, y))
            return;
        long count = (long)g.Sequences * g.NewTokens * g.C, heads = (long)g.Sequences * g.Heads, sequence = (long)g.Capacity * g.C;
        _append.Over(count, qkv, past.Address, keys, values, count, g.NewTokens, g.C, g.Capacity);
        if (g.NewTokens > 1 && g.D <= MostD)
            Attend(heads, g.NewTokens, false, qkv.Address, keys.Address, values.Address, past.Address, y.Address, DevicePtr<float>.Null, g.NewTokens, g.Heads, g.D, (long)g.C, sequence, g.Scale, 0f, 0ul);
        else
            _one.Launch(heads, g.NewTokens, CacheThreads, 1, qkv, keys, values, past.Address, y, g.NewTokens, g.Heads, g.D, (long)g.C, sequence, g.Scale);
    }
}
