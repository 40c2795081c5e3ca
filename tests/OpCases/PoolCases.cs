using Graft.Kernels;
using Graft.Ops;

namespace Graft.Tests.OpCases;

internal static class PoolCases
{
    private static readonly Padding2D s_bottomRight = new(0, 1, 0, 1);

    public static OpCase[] All { get; } =
    [
        .. Both([2, 7, 6, 3], 2, 2, 2, 2, Padding2D.None),
        .. Both([2, 7, 6, 3], 3, 3, 2, 2, Padding2D.All(1)),
        .. Both([1, 6, 5, 2], 3, 2, 1, 2, s_bottomRight),
        .. Both([1, 7, 7, 2], 2, 2, 3, 3, Padding2D.None),
        .. Both([2, 4, 5, 3], 4, 5, 1, 1, Padding2D.None),
        .. Both([2, 13, 12, 35], 3, 3, 2, 2, s_bottomRight, large: true),
        .. Both([2, 13, 12, 16], 3, 3, 1, 1, Padding2D.All(1), large: true),
    ];

    public static GoldenCase[] Golden { get; } =
    [
        Case("max_pool2d_2x2", new(PoolKind.Max, 2, 2, 2, 2, Padding2D.None)),
        Case("max_pool2d_3x3_s2_p1", new(PoolKind.Max, 3, 3, 2, 2, Padding2D.All(1))),
        // ceil_mode on 7x6 is one more column on the right
        Case("max_pool2d_ceil", new(PoolKind.Max, 3, 3, 2, 2, new Padding2D(0, 0, 0, 1))),
        Case("avg_pool2d_2x2", new(PoolKind.Average, 2, 2, 2, 2, Padding2D.None)),
        Case("avg_pool2d_3x3_s2_p1_include_pad", new(PoolKind.Average, 3, 3, 2, 2, Padding2D.All(1), countPadding: true)),
        Case("avg_pool2d_3x3_s2_p1_exclude_pad", new(PoolKind.Average, 3, 3, 2, 2, Padding2D.All(1))),
        Case("avg_pool2d_ceil", new(PoolKind.Average, 3, 3, 2, 2, new Padding2D(0, 0, 0, 1))),
        Case("adaptive_avg_pool2d_1x1", new(PoolKind.Average, 7, 6, 1, 1, Padding2D.None)),
    ];

    private static GoldenCase Case(string name, Pool2DOp op) => new(name, op, GoldenLayout.Image, new GoldenInput("x", GoldenLayout.Image));

    private static IEnumerable<OpCase> Both(int[] x, int r, int s, int strideH, int strideW, Padding2D padding, bool large = false)
    {
        string what = $"{new Shape(x)} by {r}x{s} stride {strideH}x{strideW} {padding}";
        yield return new($"MaxPool2D {what}", new Pool2DOp(PoolKind.Max, r, s, strideH, strideW, padding), OpInput.Distinct(new Shape(x))) { ChecksGradient = !large };
        foreach (bool count in new[] { false, true })
        {
            yield return new(
                $"AveragePool2D {what}{(count ? " counting padding" : "")}", new Pool2DOp(PoolKind.Average, r, s, strideH, strideW, padding, count),
                new OpInput(new Shape(x))) { ChecksGradient = !large };
        }
    }
}
