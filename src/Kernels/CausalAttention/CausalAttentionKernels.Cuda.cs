using Graft.Kernels.Cuda;

namespace Graft.Kernels;

/// <summary>
/// Heads of up to <see cref="MostD"/> numbers by own kernels that never store the weights; wider ones by cuBLAS with the weights of a sequence stored. A token
/// that is read with a cache has a kernel of its own.
/// </summary>
internal sealed partial class CudaCausalAttentionKernels(CudaContext context, CudaProducts products, ComputePrecision stored = ComputePrecision.Float32) : CausalAttentionKernels
{
    private const int Tile = 32, Threads = 256, MostD = 64; // as in CausalAttention.cu and AttentionBackward.cu
    private const string ForwardFile = "CausalAttention.cu", BackwardFile = "AttentionBackward.cu";

    private readonly KernelFunction _tiles = new(context, ForwardFile, NarrowName.Of("attention_tiles", stored)), _one = new(context, ForwardFile, "attention_one"),
        _append = new(context, ForwardFile, "append_cache"), _softmax = new(context, ForwardFile, "causal_softmax"),
        _keys = new(context, BackwardFile, "attention_backward_keys"), _queries = new(context, BackwardFile, "attention_backward_queries"),
        _softmaxBackward = new(context, BackwardFile, "causal_softmax_backward");

    public override void Forward(in CausalAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<float> y, DevicePtr<float> lse)
    {
        if (!HasTiles(g))
            ForwardStored(g, qkv, y, lse);
        else
            ForwardTiles(g, qkv.Address, y.Address, lse);
    }

    /// <summary>True where <see cref="ForwardTiles"/> takes it.</summary>
    public static bool HasTiles(in CausalAttentionGeometry g) => g.D <= MostD;

    /// <summary>Without stored weights; qkv and y are of the type in memory that these kernels are for.</summary>
    public void ForwardTiles(in CausalAttentionGeometry g, nint qkv, nint y, DevicePtr<float> lse)
    {
        int part = g.C * (stored.IsNarrow() ? sizeof(ushort) : sizeof(float));
        _tiles.Launch((long)g.N * g.Heads, Tiles(g.T), Threads, 1, qkv, qkv + part, qkv + 2 * part, DevicePtr<int>.Null.Address, y, lse, g.T, g.Heads, g.D,
            3L * g.C, 3L * g.T * g.C, g.Scale, g.DropoutRate, g.Seed);
    }

    public override void Backward(
        in CausalAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<float> y, DevicePtr<float> lse, DevicePtr<float> dy, DevicePtr<float> dqkv, float beta)
    {
        if (g.D > MostD)
        {
            BackwardStored(g, qkv, lse, dy, dqkv, beta);
            return;
        }
        foreach (KernelFunction kernel in (ReadOnlySpan<KernelFunction>)[_keys, _queries])
            kernel.Launch((long)g.N * g.Heads, Tiles(g.T), Threads, 1, qkv, y, dy, lse, dqkv, g.T, g.Heads, g.D, g.Scale, g.DropoutRate, g.Seed, beta);
    }

    public override void ForwardCached(in CachedAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<int> past, DevicePtr<float> keys, DevicePtr<float> values, DevicePtr<float> y)
    {
        if (TryForwardToken(g, qkv, past, keys, values, y))
            return;
        long count = (long)g.Sequences * g.NewTokens * g.C, heads = (long)g.Sequences * g.Heads, sequence = (long)g.Capacity * g.C;
        _append.Over(count, qkv, past.Address, keys, values, count, g.NewTokens, g.C, g.Capacity);
        if (g.NewTokens > 1 && g.D <= MostD)
            _tiles.Launch(heads, Tiles(g.NewTokens), Threads, 1, qkv, keys, values, past.Address, y, DevicePtr<float>.Null, g.NewTokens, g.Heads, g.D, (long)g.C, sequence, g.Scale, 0f, 0ul);
        else
            _one.Launch(heads, g.NewTokens, Threads, 1, qkv, keys, values, past.Address, y, g.NewTokens, g.Heads, g.D, (long)g.C, sequence, g.Scale);
    }

    private static int Tiles(int tokens) => (tokens + Tile - 1) / Tile;
}
