using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>One new token a sequence, by one kernel: its key and value go to the cache, and its query meets the cache 128 keys a block.</summary>
internal sealed partial class CudaCausalAttentionKernels
{
    private const int Chunk = 128, Partial = MostD + 2, Vector = 4; // as in CachedAttention.cu

    private readonly KernelFunction _token = new(context, "CachedAttention.cu", "attention_token");

    /// <returns>False where the kernel does not take the sizes; nothing was written.</returns>
    private bool TryForwardToken(in CachedAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<int> past, DevicePtr<float> keys, DevicePtr<float> values, DevicePtr<float> y)
    {
        int heads = g.Sequences * g.Heads, chunks = (g.Capacity + Chunk - 1) / Chunk;
        if (g.NewTokens != 1 || g.D > MostD || g.D % Vector != 0 || heads > CudaTickets.Count || !FewRowsLaunch.IsAligned(qkv.Address, keys.Address, values.Address, y.Address))
            return false;
        using CudaScratch partials = chunks > 1 ? new(context, (long)heads * chunks * Partial * sizeof(float)) : default;
        _token.LaunchChained(heads, chunks, CacheThreads, 0, true, qkv, past.Address, keys, values, y, partials.Address, chunks > 1 ? context.Tickets.Address : 0, g.Heads, g.D, g.Capacity, g.Scale);
        return true;
    }
}
