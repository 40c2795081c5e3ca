using Graft.Kernels;
using Graft.Ops;

namespace Graft.Tests.OpCases;

/// <summary>Windows as channels, resampled images, and rows on the simplex.</summary>
internal static class WindowCases
{
    public static OpCase[] All { get; } =
    [
        Unfold([2, 7, 3, 4], new UnfoldOp(1, 3, 1, 1, 1, 1), "same"), Unfold([2, 7, 3, 4], new UnfoldOp(1, 3, 2, 1, 0, 0), "stride 2"),
        Unfold([2, 8, 2], new UnfoldOp(1, 3, 1, 2, 4, 0), "dilated, in front"), Unfold([2, 3, 6, 4], new UnfoldOp(2, 2, 3, 1, 0, 1, groups: 2), "groups, gaps"),
        Unfold([1, 5, 2, 2, 3], new UnfoldOp(1, 5, 1, 1, 0, 0), "one window"), Unfold([3, 20, 30, 17], new UnfoldOp(1, 3, 1, 1, 1, 1), "wide") with { ChecksGradient = false },
        Fold([2, 5, 3, 12], new FoldOp(1, 7, 3, 1, 1, 0), "valid"), Fold([2, 4, 3, 6], new FoldOp(1, 8, 3, 2, 1, 0), "same, stride 2"),
        Fold([1, 4, 6], new FoldOp(1, 8, 3, 1, 2, 0), "dilated"), Fold([2, 3, 2, 4], new FoldOp(1, 8, 2, 3, 1, 0), "gaps between windows"),
        Fold([2, 5, 2, 6], new FoldOp(1, 5, 3, 1, 1, 1), "cut at both ends"), Fold([3, 20, 30, 51], new FoldOp(1, 20, 3, 1, 1, 1), "wide") with { ChecksGradient = false },
        .. Warp([2, 5, 6, 3], 5, 6, 0.8f, -0.3f, 0.7f, 0.4f, 1.1f, -1.2f), .. Warp([1, 4, 4, 2], 6, 3, -1, 0, 3, 0, 1, 0), .. Warp([3, 9, 8, 33], 9, 8, 1.3f, 0.2f, -4, 0, 2, -6),
        Sparsemax([2, 3, 4], 2), Sparsemax([5, 1], 2), Sparsemax([6, 4], 0.05), Sparsemax([40, 501], 3) with { ChecksGradient = false },
    ];

    private static OpCase Unfold(int[] x, UnfoldOp op, string what) => new($"Unfold {what} {new Shape(x)}", op, new OpInput(new Shape(x)));

    private static IEnumerable<OpCase> Warp(int[] x, int outH, int outW, params float[] map)
    {
        float[] maps = [.. Enumerable.Range(0, x[0]).SelectMany(n => map.Select((m, i) => i % 3 == 2 ? m + 0.6f * n : m))];
        foreach (WarpFill fill in Enum.GetValues<WarpFill>())
        {
            foreach (bool blends in new[] { true, false })
                yield return new($"Warp2D {fill} {(blends ? "blended " : "")}{new Shape(x)} to {outH}x{outW}", new Warp2DOp(outH, outW, maps, blends, fill, 0.5f), new OpInput(new Shape(x))) { ChecksGradient = x[3] < 20 };
        }
    }

    private static OpCase Fold(int[] y, FoldOp op, string what) => new($"Fold {what} {new Shape(y)}", op, new OpInput(new Shape(y)));

    private static OpCase Sparsemax(int[] x, double range) => new($"Sparsemax {new Shape(x)} {range}", new SparsemaxOp(), new OpInput(new Shape(x), -range, range))
    {
        ChecksGradient = range < 1, // numbers so near each other that all are above 0: finite differences stay on one side of the kinks
    };
}
