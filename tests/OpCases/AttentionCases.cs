using Graft.Ops;

namespace Graft.Tests.OpCases;

internal static class AttentionCases
{
    public static OpCase[] All { get; } =
    [
        Attention(1, 1, heads: 1, d: 4),
        Attention(2, 5, heads: 2, d: 3),
        Attention(1, 7, heads: 3, d: 8),
        Attention(1, 6, heads: 2, d: 4, scale: 0.7f),
        Attention(2, 5, heads: 2, d: 3, dropout: 0.3f),
        Attention(2, 4, heads: 2, d: 66, dropout: 0.2f) with { ChecksGradient = false },
        Attention(1, 17, heads: 2, d: 16) with { ChecksGradient = false },
        Attention(2, 56, heads: 1, d: 32) with { ChecksGradient = false },
        Attention(1, 57, heads: 2, d: 33) with { ChecksGradient = false },
        Attention(1, 130, heads: 3, d: 64) with { ChecksGradient = false },
        Attention(1, 130, heads: 2, d: 20, dropout: 0.1f) with { ChecksGradient = false },
    ];

    private static OpCase Attention(int n, int t, int heads, int d, float scale = 0, float dropout = 0) =>
        new($"CausalAttention [{n},{t},{3 * heads * d}], {heads} heads, scale {scale}, dropout {dropout}", new CausalAttentionOp(heads, scale, dropout, seed: 7),
            new OpInput(new Shape(n, t, 3 * heads * d), -2, 2));
}
