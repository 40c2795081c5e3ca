namespace Graft.Kernels;

/// <summary>Sizes of causal self-attention: qkv [N,T,3 Heads D], y [N,T,Heads D].</summary>
/// <param name="N">Sequences.</param>
/// <param name="T">Tokens of each.</param>
/// <param name="Heads">Attention heads, side by side in the last axis.</param>
/// <param name="D">Numbers of a head.</param>
/// <param name="Scale">What products of queries and keys are multiplied by: 1 / sqrt(D).</param>
/// <param name="DropoutRate">Share of the attention weights that becomes 0, the others being divided by 1 - rate.</param>
/// <param name="Seed">Key of the random stream of the dropout.</param>
public readonly record struct CausalAttentionGeometry(int N, int T, int Heads, int D, float Scale, float DropoutRate = 0, ulong Seed = 0)
{
    /// <summary>Channels: Heads D.</summary>
    public int C => Heads * D;

    /// <summary>Multiplications and additions of one forward run: two products over the lower triangle.</summary>
    public long Flops => 2L * N * C * T * (T + 1);
}

/// <summary>Sizes of attention to what was read before: qkv [Sequences,NewTokens,3 Heads D], keys and values [Sequences,Capacity,Heads D].</summary>
/// <param name="Sequences">Sequences side by side.</param>
/// <param name="NewTokens">Tokens that each reads now.</param>
/// <param name="Capacity">Tokens that a sequence has room for.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="D">Numbers of a head.</param>
/// <param name="Scale">What products of queries and keys are multiplied by.</param>
public readonly record struct CachedAttentionGeometry(int Sequences, int NewTokens, int Capacity, int Heads, int D, float Scale)
{
    /// <summary>Channels: Heads D.</summary>
    public int C => Heads * D;
}
