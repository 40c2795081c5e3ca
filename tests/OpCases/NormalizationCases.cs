using Graft.Kernels;
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
        BatchNorm([0, 5], training: false) with { ChecksGradient = false },
        BatchNorm([4, 9, 7, 37], training: true) with { ChecksGradient = false },
        BatchNorm([4, 9, 7, 37], training: false) with { ChecksGradient = false },
        BatchNorm([700, 16], training: true) with { ChecksGradient = false },
        .. from activation in new[] { FusedActivation.ReLU, FusedActivation.ReLU6 } from residual in new[] { false, true } from training in new[] { false, true }
            from size in new int[][] { [6, 3], [2, 1, 2, 5], [1, 1, 1, 3], [4, 9, 7, 37], [700, 16] } select BatchNormActivation(size, training, activation, residual),
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

    // Whole numbers far apart are added, so that of few numbers none is near a corner: finite differences step over none.
    private static OpCase BatchNormActivation(int[] x, bool training, FusedActivation activation, bool residual)
    {
        var channels = new Shape(x[^1]);
        OpInput[] inputs = [new(new Shape(x), -1, 3), new(channels, 0.5, 1.5), residual ? new(channels) : OpInput.FloatIds(channels, -9, 9), new(channels), new(channels, 0.5, 2)];
        if (residual)
            inputs = [.. inputs, OpInput.FloatIds(new Shape(x), -20, 20)];
        string name = $"BatchNorm{(residual ? " + residual" : "")} + {activation} {(training ? "training" : "inference")} {new Shape(x)}";
        return new(name, new BatchNormOp(1e-3f, 0.9f, training, activation: activation), inputs) { ChecksGradient = inputs[0].Shape.Count is > 3 and <= 20 }; // a single row is its own mean: the corner itself
    }

    private static OpCase LayerNorm(int[] x) =>
        new($"LayerNorm {new Shape(x)}", new LayerNormOp(1e-5f), new(new Shape(x), -1, 3), new(new Shape(x[^1]), 0.5, 1.5), new(new Shape(x[^1])));
}
