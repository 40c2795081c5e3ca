using Graft.Ops;

namespace Graft.Tests.OpCases;

internal static class EmbeddingCases
{
    public static OpCase[] All { get; } =
    [
        Case([2, 3], 7, 4),
        Case([5], 2, 3),
        Case([1], 1, 1),
        Case([4, 33], 50, 40) with { ChecksGradient = false },
        Case([300], 3, 260) with { ChecksGradient = false }, // few rows, taken many times
    ];

    public static GoldenCase[] Golden { get; } =
    [
        new("embedding", new EmbeddingOp(), GoldenLayout.Same, "ids", "w"),
    ];

    private static OpCase Case(int[] ids, int vocabulary, int features) =>
        new($"Embedding {new Shape(ids)} of [{vocabulary},{features}]", new EmbeddingOp(), OpInput.Ids(new Shape(ids), 0, vocabulary), new(new Shape(vocabulary, features)));
}
