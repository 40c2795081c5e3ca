using Graft.Kernels;
using Graft.Ops;

namespace Graft.Tests.OpCases;

/// <summary>Reductions, joins, cuts, permutations and dropout.</summary>
internal static class ShapeCases
{
    public static OpCase[] All { get; } =
    [
        .. Reduce([4, 5], []), .. Reduce([4, 5], [0]), .. Reduce([4, 5], [-1]), .. Reduce([2, 3, 4, 5], [1, 2]), .. Reduce([2, 3, 4, 5], [0, 2]),
        .. Reduce([2, 3, 4, 5], [1, 3]), .. Reduce([3, 1, 4], [1]), .. Reduce([], []), .. Reduce([2, 9, 9, 70], [1, 2]), .. Reduce([3000, 17], [0]),
        .. Reduce([3, 40000], [1]), .. Reduce([5000], [0]),
        Concat(1, [2, 3, 4], [2, 1, 4], [2, 2, 4]), Concat(-1, [2, 3, 4], [2, 3, 5]), Concat(0, [2, 3], [1, 3]), Concat(1, [3, 2]),
        Concat(3, [2, 9, 9, 64], [2, 9, 9, 33]),
        Slice(1, 1, 2, [2, 4, 3]), Slice(-1, 0, 3, [2, 4, 3]), Slice(0, -2, 1, [4, 3]), Slice(2, 48, 48, [2, 30, 144]), Slice(0, 1, 0, [3, 2]) with { ChecksGradient = false },
        Permute([2, 3, 4], 2, 0, 1), Permute([2, 3, 4], 0, 2, 1), Permute([2, 3, 4], 0, 1, 2), Permute([2, 3, 4, 5], 0, 2, 1, 3), Permute([2, 3, 4, 5], 3, -2, 1, 0),
        Permute([5, 1, 3], 1, 2, 0), Permute([2, 30, 12, 16], 0, 2, 1, 3), Permute([130, 70], 1, 0),
        Dropout(0, [4, 5]), Dropout(0.3f, [4, 5]), Dropout(0.5f, [7]), Dropout(0.9f, [3, 33]), Dropout(0.25f, [3, 7001]),
    ];

    public static GoldenCase[] Golden { get; } =
    [
        .. Reduce("all"), .. Reduce("0", 0), .. Reduce("1_keepdim", 1), .. Reduce("(0,2)", 0, 2), .. Reduce("-1", -1),
        new("max_all", new ReduceOp(ReduceFormula.Max, []), GoldenLayout.Same, "x"), new("min_all", new ReduceOp(ReduceFormula.Min, []), GoldenLayout.Same, "x"),
        new("max_all_ties", new ReduceOp(ReduceFormula.Max, []), GoldenLayout.Same, "x"), new("amax_dims", new ReduceOp(ReduceFormula.Max, [0, 2]), GoldenLayout.Same, "x"),
        new("concat", new ConcatOp(1), GoldenLayout.Same, "a", "b", "c"),
        new("transpose", new PermuteOp(2, 1, 0), GoldenLayout.Same, "x"), new("permute", new PermuteOp(2, 0, 1), GoldenLayout.Same, "x"),
    ];

    private static GoldenCase[] Reduce(string name, params int[] axes) =>
    [
        new($"sum_{name}", new ReduceOp(ReduceFormula.Sum, axes, name.EndsWith("keepdim", StringComparison.Ordinal)), GoldenLayout.Same, "x"),
        new($"mean_{name}", new ReduceOp(ReduceFormula.Mean, axes, name.EndsWith("keepdim", StringComparison.Ordinal)), GoldenLayout.Same, "x"),
    ];

    private static IEnumerable<OpCase> Reduce(int[] x, int[] axes)
    {
        var shape = new Shape(x);
        foreach (ReduceFormula formula in Enum.GetValues<ReduceFormula>())
        {
            bool compares = formula is ReduceFormula.Max or ReduceFormula.Min;
            yield return new($"Reduce{formula} {shape} over {new Shape([.. axes.Select(a => a < 0 ? a + x.Length : a)])}",
                new ReduceOp(formula, axes, keepDims: compares), compares ? OpInput.Distinct(shape) : new OpInput(shape))
            {
                ChecksGradient = shape.Count < 1000,
            };
        }
    }

    private static OpCase Concat(int axis, params int[][] parts) =>
        new($"Concat {axis} of {string.Join(' ', parts.Select(p => new Shape(p)))}", new ConcatOp(axis), [.. parts.Select(p => new OpInput(new Shape(p)))])
        {
            ChecksGradient = parts.Length > 2 || parts[0].Length < 4,
        };

    private static OpCase Slice(int axis, int start, int length, int[] x) =>
        new($"Slice {axis} from {start} by {length} of {new Shape(x)}", new SliceOp(axis, start, length), new OpInput(new Shape(x))) { ChecksGradient = x[^1] < 100 };

    private static OpCase Permute(int[] x, params int[] order) =>
        new($"Permute {new Shape(x)} to ({string.Join(',', order)})", new PermuteOp(order), new OpInput(new Shape(x))) { ChecksGradient = new Shape(x).Count < 1000 };

    private static OpCase Dropout(float rate, int[] x) =>
        new($"Dropout {rate} of {new Shape(x)}", new DropoutOp(rate, seed: 0x1234_5678_9ABC_DEF0), new OpInput(new Shape(x))) { ChecksGradient = new Shape(x).Count < 1000 };
}
