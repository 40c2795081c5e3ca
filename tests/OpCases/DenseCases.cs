using Graft.Ops;

namespace Graft.Tests.OpCases;

internal static class DenseCases
{
    public static OpCase[] All { get; } =
    [
        Case([1, 1], 1, bias: true),
        Case([3, 4], 5, bias: true),
        Case([3, 4], 5, bias: false),
        Case([2, 3, 4], 7, bias: true),
        Case([2, 0], 3, bias: true) with { ChecksGradient = false }, // a sum of nothing
        Case([1, 37], 19, bias: true),
        Case([17, 33], 65, bias: true),
        Case([130, 300], 70, bias: true) with { ChecksGradient = false },
        Case([4, 600], 1, bias: true) with { ChecksGradient = false },
    ];

    public static GoldenCase[] Golden { get; } =
    [
        new("linear", new DenseOp(), GoldenLayout.Same, "x", new("w", GoldenLayout.Transposed), "b"),
    ];

    private static OpCase Case(int[] x, int outputs, bool bias)
    {
        OpInput[] inputs = [new(new Shape(x)), new(new Shape(x[^1], outputs))];
        return new($"Dense {new Shape(x)} to {outputs}{(bias ? " bias" : "")}", new DenseOp(), bias ? [.. inputs, new(new Shape(outputs))] : inputs);
    }
}
