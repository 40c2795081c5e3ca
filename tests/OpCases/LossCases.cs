using Graft.Kernels;
using Graft.Ops;

namespace Graft.Tests.OpCases;

internal static class LossCases
{
    public static OpCase[] All { get; } =
    [
        .. Classes(4, 3), .. Classes(5, 37), .. Classes(40, 1003),
        .. Pointwise(LossFormula.SigmoidCrossEntropy, -4, 4, smoothing: 0), .. Pointwise(LossFormula.SigmoidCrossEntropy, -4, 4, smoothing: 0.2f),
        .. Pointwise(LossFormula.BinaryCrossEntropy, 0.2, 0.8, smoothing: 0), .. Pointwise(LossFormula.BinaryCrossEntropy, 0.2, 0.8, smoothing: 0.2f),
        .. Pointwise(LossFormula.SquaredError, -2, 2), .. Pointwise(LossFormula.AbsoluteError, 1.1, 2), .. Pointwise(LossFormula.AbsoluteError, -2, -0.1),
        .. Pointwise(LossFormula.Huber, -2, -1, delta: 0.9f), .. Pointwise(LossFormula.Huber, 2, 3, delta: 0.9f), .. Pointwise(LossFormula.Huber, -1, 1, delta: 3),
    ];

    public static GoldenCase[] Golden { get; } =
    [
        new("cross_entropy_none", new SoftmaxCrossEntropyOp(sparse: true), GoldenLayout.Same, "x", new GoldenInput("target", GoldenLayout.Same) { AsFloats = true }),
        new("bce_with_logits_none", new PointwiseLossOp(LossFormula.SigmoidCrossEntropy), GoldenLayout.Same, "x", "y"),
        new("mse_none", new PointwiseLossOp(LossFormula.SquaredError), GoldenLayout.Same, "x", "y"),
    ];

    private static IEnumerable<OpCase> Classes(int rows, int classes)
    {
        Shape scores = new(rows, classes), indices = new(rows, 1);
        foreach (float smoothing in new[] { 0, 0.1f })
        {
            OpInput logits = new(scores, -3, 3), probabilities = new(scores, 0.2, 1), soft = new(scores, 0, 1), index = OpInput.FloatIds(indices, 0, classes);
            string sizes = $"{scores} smoothing {smoothing}";
            bool small = classes < 1000;
            yield return new($"SoftmaxCrossEntropy {sizes}", new SoftmaxCrossEntropyOp(false, smoothing), logits, soft) { ChecksGradient = small };
            yield return new($"SoftmaxCrossEntropy sparse {sizes}", new SoftmaxCrossEntropyOp(true, smoothing), logits, index) { ChecksGradient = small };
            yield return new($"CategoricalCrossEntropy {sizes}", new CategoricalCrossEntropyOp(false, smoothing), probabilities, soft) { ChecksGradient = small };
            yield return new($"CategoricalCrossEntropy sparse {sizes}", new CategoricalCrossEntropyOp(true, smoothing), probabilities, index) { ChecksGradient = small };
        }
    }

    private static IEnumerable<OpCase> Pointwise(LossFormula formula, double from, double to, float delta = 0, float smoothing = 0)
    {
        foreach (int[] size in new[] { new[] { 3, 5 }, [7, 37], [3, 7001] })
        {
            var shape = new Shape(size);
            yield return new($"{formula} {shape} from {from} delta {delta} smoothing {smoothing}", new PointwiseLossOp(formula, delta, smoothing),
                new OpInput(shape, from, to), new OpInput(shape, 0, 1)) { ChecksGradient = shape.Count < 1000 };
        }
    }
}
