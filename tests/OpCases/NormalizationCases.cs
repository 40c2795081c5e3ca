using Graft.Ops;

namespace Graft.Tests.OpCases;

internal static class NormalizationCases
{
    public static OpCase[] All { get; } =
    [
        BatchNorm([6, 3], training: true),
        BatchNorm([6, 3], training: false),
        BatchNorm([2, 3, 4, 5], training: true),
        BatchNorm([2, 3, 4, 5], training: false),
        BatchNorm([1, 1, 1, 3], training: false),
        BatchNorm([4, 9, 7, 37], training: true) with { ChecksGradient = false },
        BatchNorm([4, 9, 7, 37], training: false) with { ChecksGradient = false },
        BatchNorm([700, 16], training: true) with { ChecksGradient = false },
        LayerNorm([2, 3, 5]),
        LayerNorm([4, 17]),
        LayerNorm([33, 100]) with { ChecksGradient = false },
        LayerNorm([3, 768]) with { ChecksGradient = false },
        LayerNorm([600, 5]) with { ChecksGradient = false },
    ];

    public static GoldenCase[] Golden { get; } =
    [
        new("batch_norm_eval", new BatchNormOp(1e-5f, 0.9f, training: false), GoldenLayout.Image,
            new("x", GoldenLayout.Image), "weight", "bias", "running_mean", "running_var"),
        new("batch_norm_train_4d", new BatchNormOp(1e-5f, 0.9f, training: true), GoldenLayout.Image,
            new("x", GoldenLayout.Image), "weight", "bias", "running_mean", "running_var"),
        new("batch_norm_train_2d", new BatchNormOp(1e-5f, 0.9f, training: true), GoldenLayout.Same,
            "x", "weight", "bias", "running_mean", "running_var"),
        new("layer_norm", new LayerNormOp(1e-5f), GoldenLayout.Same, "x", "weight", "bias"),
        new("layer_norm_2dims", new LayerNormOp(1e-12f), new([2, 15], null),
            new("x", new([2, 15], null)), new("weight", new([15], null)), new("bias", new([15], null))),
        new("layer_norm_no_affine", new LayerNormOp(1e-5f), GoldenLayout.Same, "x", GoldenInput.Fill(5, 1), GoldenInput.Fill(5, 0)),
    ];

    private static OpCase BatchNorm(int[] x, bool training)
    {
        var channels = new Shape(x[^1]);
        return new($"BatchNorm {(training ? "training" : "inference")} {new Shape(x)}", new BatchNormOp(1e-3f, 0.9f, training),
            new(new Shape(x), -1, 3), new(channels, 0.5, 1.5), new(channels), new(channels), new(channels, 0.5, 2));
    }

    private static OpCase LayerNorm(int[] x) =>
        new($"LayerNorm {new Shape(x)}", new LayerNormOp(1e-5f), new(new Shape(x), -1, 3), new(new Shape(x[^1]), 0.5, 1.5), new(new Shape(x[^1])));
}
