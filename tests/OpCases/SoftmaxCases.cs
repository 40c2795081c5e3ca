using Graft.Ops;

namespace Graft.Tests.OpCases;

internal static class SoftmaxCases
{
    public static OpCase[] All { get; } =
    [
        .. Both([2, 3, 4], 2),
        .. Both([5, 1], 2),
        .. Both([3, 37], 3),
        .. Both([7], 2),
        .. Both([20, 1000], 5, large: true),
    ];

    public static GoldenCase[] Golden { get; } =
    [
        new("softmax_dim-1", new SoftmaxOp(), GoldenLayout.Same, "x"),
        new("log_softmax_dim-1", new SoftmaxOp(log: true), GoldenLayout.Same, "x"),
        new("softmax_dim1", new SoftmaxOp(), new(null, [0, 2, 1]), new GoldenInput("x", new(null, [0, 2, 1]))),
        new("log_softmax_dim1", new SoftmaxOp(log: true), new(null, [0, 2, 1]), new GoldenInput("x", new(null, [0, 2, 1]))),
        new("softmax_large", new SoftmaxOp(), GoldenLayout.Same, "x"),
    ];

    private static IEnumerable<OpCase> Both(int[] x, double range, bool large = false)
    {
        yield return new($"Softmax {new Shape(x)}", new SoftmaxOp(), new OpInput(new Shape(x), -range, range)) { ChecksGradient = !large };
        yield return new($"LogSoftmax {new Shape(x)}", new SoftmaxOp(log: true), new OpInput(new Shape(x), -range, range)) { ChecksGradient = !large };
    }
}
