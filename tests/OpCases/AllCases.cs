namespace Graft.Tests.OpCases;

/// <summary>All cases, theme by theme: a new theme adds one line to each list.</summary>
public static class AllCases
{
    public static IReadOnlyList<OpCase> Ops { get; } =
    [
        .. DenseCases.All,
        .. ConvolutionCases.All,
        .. WindowCases.All,
        .. PoolCases.All,
        .. NormalizationCases.All,
        .. AttentionCases.All,
        .. RecurrentCases.All,
        .. LastTokenCases.All,
        .. MatMulCases.All,
        .. SoftmaxCases.All,
        .. EmbeddingCases.All,
        .. ElementwiseCases.All,
        .. ShapeCases.All,
        .. LossCases.All,
    ];

    public static IReadOnlyList<GoldenCase> Golden { get; } =
    [
        .. DenseCases.Golden,
        .. ConvolutionCases.Golden,
        .. PoolCases.Golden,
        .. NormalizationCases.Golden,
        .. MatMulCases.Golden,
        .. SoftmaxCases.Golden,
        .. EmbeddingCases.Golden,
        .. ElementwiseCases.Golden,
        .. ShapeCases.Golden,
        .. LossCases.Golden,
    ];
}
