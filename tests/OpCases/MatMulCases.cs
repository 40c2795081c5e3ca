using Graft.Ops;

namespace Graft.Tests.OpCases;

internal static class MatMulCases
{
    public static OpCase[] All { get; } =
    [
        Case([3, 5], [5, 4]),
        Case([5, 3], [5, 4], transposeA: true),
        Case([3, 5], [4, 5], transposeB: true),
        Case([5, 3], [4, 5], transposeA: true, transposeB: true),
        Case([2, 3, 4, 5], [2, 3, 5, 6]),
        Case([2, 3, 4, 5], [2, 3, 6, 5], transposeB: true),
        Case([2, 3, 5, 4], [2, 3, 5, 6], transposeA: true),
        Case([2, 1, 4, 5], [3, 5, 2]),
        Case([3, 4, 5], [2, 1, 2, 5], transposeB: true),
        Case([2, 4, 5], [5, 3]),
        Case([2, 4, 5], [3, 5], transposeB: true),
        Case([2, 5, 4], [5, 3], transposeA: true),
        Case([4, 5], [3, 5, 2]),
        Case([5], [2, 5, 3]),
        Case([2, 4, 5], [5]),
        Case([5], [5]),
        Case([2, 3, 0], [0, 4]) with { ChecksGradient = false }, // sums of nothing
        Case([2, 40, 70], [2, 70, 50]) with { ChecksGradient = false },
        Case([6, 33, 17], [6, 35, 17], transposeB: true) with { ChecksGradient = false },
        Case([2, 70, 40], [1, 50, 70], transposeA: true, transposeB: true) with { ChecksGradient = false },
    ];

    public static GoldenCase[] Golden { get; } =
    [
        Case("matmul_2d"), Case("matmul_batched"), Case("matmul_broadcast_batch"), Case("matmul_3d_2d"), Case("matmul_vec_mat"),
        Case("matmul_mat_vec"), Case("matmul_dot"),
    ];

    private static GoldenCase Case(string name) => new(name, new MatMulOp(), GoldenLayout.Same, "a", "b");

    private static OpCase Case(int[] a, int[] b, bool transposeA = false, bool transposeB = false) =>
        new($"MatMul {new Shape(a)}{(transposeA ? "T" : "")} by {new Shape(b)}{(transposeB ? "T" : "")}", new MatMulOp(transposeA, transposeB),
            new(new Shape(a)), new(new Shape(b)));
}
