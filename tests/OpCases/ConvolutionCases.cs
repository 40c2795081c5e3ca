using Graft.Kernels;
using Graft.Ops;

namespace Graft.Tests.OpCases;

internal static class ConvolutionCases
{
    private static readonly Padding2D s_uneven = new(0, 2, 1, 0);

    public static OpCase[] All { get; } =
    [
        Case([2, 7, 6, 3], [4, 3, 3], new Conv2DOp(1, 1, 1, 1, Padding2D.None, 1), "valid"),
        Case([2, 7, 6, 3], [4, 3, 3], new Conv2DOp(1, 1, 1, 1, Padding2D.All(1), 1), "same"),
        Case([2, 7, 6, 3], [4, 3, 3], new Conv2DOp(2, 2, 1, 1, Padding2D.All(1), 1), "stride 2"),
        Case([2, 7, 6, 3], [4, 3, 2], new Conv2DOp(1, 2, 2, 1, s_uneven, 1), "uneven"),
        Case([1, 9, 8, 2], [3, 3, 2], new Conv2DOp(1, 1, 2, 3, Padding2D.All(2), 1), "dilated"),
        Case([2, 5, 5, 4], [6, 3, 3], new Conv2DOp(1, 1, 1, 1, Padding2D.All(1), 2), "groups 2"),
        Case([1, 5, 4, 4], [8, 2, 2], new Conv2DOp(2, 1, 1, 1, Padding2D.None, 4), "groups 4"),
        Case([2, 5, 4, 5], [3, 1, 1], new Conv2DOp(1, 1, 1, 1, Padding2D.None, 1), "1x1"),
        Case([2, 5, 4, 5], [3, 1, 1], new Conv2DOp(2, 2, 1, 1, Padding2D.None, 1), "1x1 stride 2"),
        Case([2, 5, 4, 5], [3, 1, 1], new Conv2DOp(1, 1, 1, 1, Padding2D.All(1), 1), "1x1 padded"),
        Case([1, 3, 3, 2], [1, 3, 3], new Conv2DOp(3, 3, 1, 1, Padding2D.None, 1), "one window"),
        Case([1, 4, 4, 2], [2, 2, 2], new Conv2DOp(3, 3, 1, 1, Padding2D.None, 1), "gaps between windows"),
        Case([2, 7, 6, 3], [4, 3, 3], new Conv2DOp(1, 1, 1, 1, Padding2D.All(1), 1), "same without bias", bias: false),
        Case([2, 30, 31, 3], [20, 7, 7], new Conv2DOp(2, 2, 1, 1, Padding2D.All(3), 1), "stem") with { ChecksGradient = false },
        Case([2, 14, 13, 33], [65, 3, 3], new Conv2DOp(1, 1, 1, 1, Padding2D.All(1), 1), "same") with { ChecksGradient = false },
        Case([3, 14, 13, 64], [34, 3, 3], new Conv2DOp(2, 2, 1, 1, Padding2D.All(1), 1), "stride 2") with { ChecksGradient = false },
        Case([2, 14, 14, 70], [70, 1, 1], new Conv2DOp(1, 1, 1, 1, Padding2D.None, 1), "1x1") with { ChecksGradient = false },
        Case([0, 7, 6, 3], [4, 3, 3], new Conv2DOp(1, 1, 1, 1, Padding2D.All(1), 1), "no image") with { ChecksGradient = false },
        Case([0, 5, 5, 4], [6, 3, 3], new Conv2DOp(1, 1, 2, 1, Padding2D.All(1), 2), "no image, groups 2") with { ChecksGradient = false },
        Depthwise([2, 6, 5, 4], [3, 3, 1], new DepthwiseConv2DOp(1, 1, 1, 1, Padding2D.All(1)), "same"),
        Depthwise([1, 8, 7, 3], [3, 3, 2], new DepthwiseConv2DOp(2, 3, 1, 1, Padding2D.All(1)), "strided"),
        Depthwise([1, 8, 7, 3], [3, 2, 1], new DepthwiseConv2DOp(1, 1, 2, 3, s_uneven), "dilated"),
        Depthwise([1, 5, 5, 2], [2, 2, 3], new DepthwiseConv2DOp(1, 1, 1, 1, Padding2D.None), "without bias", bias: false),
        Depthwise([2, 15, 14, 40], [3, 3, 1], new DepthwiseConv2DOp(2, 2, 1, 1, Padding2D.All(1)), "wide") with { ChecksGradient = false },
        Transpose([2, 4, 5, 3], [3, 3, 4], new Conv2DTransposeOp(9, 11, 2, 2, 1, 1, Padding2D.None), "valid"),
        Transpose([2, 4, 5, 3], [3, 3, 4], new Conv2DTransposeOp(8, 10, 2, 2, 1, 1, new Padding2D(0, 1, 0, 1)), "same"),
        Transpose([1, 3, 4, 2], [2, 3, 3], new Conv2DTransposeOp(9, 12, 3, 3, 1, 1, Padding2D.None), "gaps between windows"),
        Transpose([1, 5, 4, 2], [3, 2, 3], new Conv2DTransposeOp(9, 7, 1, 1, 2, 3, Padding2D.None), "dilated"),
        Transpose([2, 5, 4, 5], [1, 1, 3], new Conv2DTransposeOp(5, 4, 1, 1, 1, 1, Padding2D.None), "1x1"),
        Transpose([2, 9, 8, 33], [4, 4, 20], new Conv2DTransposeOp(18, 16, 2, 2, 1, 1, Padding2D.All(1)), "wide") with { ChecksGradient = false },
        .. Upsample([2, 3, 4, 3], 2, 3), .. Upsample([1, 1, 2, 17], 3, 1), .. Upsample([1, 2, 1, 2], 1, 4), .. Upsample([2, 7, 6, 40], 2, 2),
        new("Pad2D all sides", new Pad2DOp(new Padding2D(1, 2, 3, 4)), new OpInput(new Shape(2, 3, 4, 3))),
        new("Pad2D bottom and right", new Pad2DOp(new Padding2D(0, 1, 0, 1)), new OpInput(new Shape(2, 3, 4, 17))),
        new("Pad2D none", new Pad2DOp(Padding2D.None), new OpInput(new Shape(1, 3, 2, 1))),
    ];

    public static GoldenCase[] Golden { get; } =
    [
        Conv("conv2d_basic", new Conv2DOp(1, 1, 1, 1, Padding2D.None, 1)),
        Conv("conv2d_stride2_pad1", new Conv2DOp(2, 2, 1, 1, Padding2D.All(1), 1)),
        Conv("conv2d_dilation2", new Conv2DOp(1, 1, 2, 2, new Padding2D(2, 2, 1, 1), 1)),
        Conv("conv2d_groups2", new Conv2DOp(1, 1, 1, 1, Padding2D.All(1), 2)),
        Conv("conv2d_1x1", new Conv2DOp(1, 1, 1, 1, Padding2D.None, 1)),
        Conv("conv2d_asym", new Conv2DOp(3, 2, 2, 1, new Padding2D(1, 1, 2, 2), 1)),
        new("interpolate_nearest_x2", new Upsample2DOp(UpsampleKind.Nearest, 2, 2), GoldenLayout.Image, new GoldenInput("x", GoldenLayout.Image)),
        new("interpolate_bilinear_x2_align_false", new Upsample2DOp(UpsampleKind.Bilinear, 2, 2), GoldenLayout.Image, new GoldenInput("x", GoldenLayout.Image)),
        Depthwise("conv2d_depthwise", new DepthwiseConv2DOp(1, 1, 1, 1, Padding2D.All(1)), [4, 1, 3, 3]),
        Depthwise("conv2d_depthwise_mult2_stride", new DepthwiseConv2DOp(2, 3, 1, 1, Padding2D.All(1)), [3, 2, 3, 3]),
    ];

    private static OpCase Case(int[] x, int[] filter, Conv2DOp op, string what, bool bias = true)
    {
        OpInput[] inputs = [new(new Shape(x)), new(new Shape([.. filter, x[3] / op.Groups]))];
        return new($"Conv2D {what} {new Shape(x)} by {inputs[1].Shape}", op, bias ? [.. inputs, new(new Shape(filter[0]))] : inputs);
    }

    private static OpCase Depthwise(int[] x, int[] filter, DepthwiseConv2DOp op, string what, bool bias = true)
    {
        OpInput[] inputs = [new(new Shape(x)), new(new Shape(filter[0], filter[1], x[3], filter[2]))];
        return new($"DepthwiseConv2D {what} {new Shape(x)} by {inputs[1].Shape}", op, bias ? [.. inputs, new(new Shape(x[3] * filter[2]))] : inputs);
    }

    private static OpCase Transpose(int[] x, int[] filter, Conv2DTransposeOp op, string what)
    {
        var weight = new Shape([x[3], .. filter]);
        return new($"Conv2DTranspose {what} {new Shape(x)} by {weight}", op, new(new Shape(x)), new(weight));
    }

    private static IEnumerable<OpCase> Upsample(int[] x, int factorH, int factorW)
    {
        foreach (UpsampleKind kind in Enum.GetValues<UpsampleKind>())
            yield return new($"Upsample2D {kind} {new Shape(x)} by {factorH}x{factorW}", new Upsample2DOp(kind, factorH, factorW), new OpInput(new Shape(x))) { ChecksGradient = x[3] < 20 };
    }

    private static GoldenCase Conv(string name, Conv2DOp op) =>
        new(name, op, GoldenLayout.Image, new("x", GoldenLayout.Image), new("w", GoldenLayout.Filter), "b");

    /// <summary>[C*M,1,R,S] is [C,M,R,S], ours [R,S,C,M].</summary>
    private static GoldenCase Depthwise(string name, DepthwiseConv2DOp op, int[] view) =>
        new(name, op, GoldenLayout.Image, new("x", GoldenLayout.Image), new("w", new GoldenLayout(view, [2, 3, 0, 1])), "b");
}
