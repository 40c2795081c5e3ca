using Graft.Kernels;
using Graft.Ops;

namespace Graft.Tests.OpCases;

internal static class ElementwiseCases
{
    // Sizes: less than a vector, a vector and a tail, more than a chunk.
    private static readonly int[][] s_sizes = [[3, 5], [7, 37], [3, 7001]];

    public static OpCase[] All { get; } =
    [
        .. Unary(UnaryFormula.ReLU, 0.1, 2), .. Unary(UnaryFormula.ReLU, -2, -0.1), .. Unary(UnaryFormula.ReLUMax, 0.1, 5.9, alpha: 6),
        .. Unary(UnaryFormula.ReLUMax, 6.1, 9, alpha: 6), .. Unary(UnaryFormula.LeakyReLU, 0.1, 2, alpha: 0.3f),
        .. Unary(UnaryFormula.LeakyReLU, -2, -0.1, alpha: 0.3f), .. Unary(UnaryFormula.ELU, 0.1, 2, alpha: 0.7f),
        .. Unary(UnaryFormula.ELU, -3, -0.1, alpha: 0.7f), .. Unary(UnaryFormula.SELU, 0.1, 2), .. Unary(UnaryFormula.SELU, -3, -0.1),
        .. Unary(UnaryFormula.Sigmoid, -6, 6), .. Unary(UnaryFormula.HardSigmoid, -2.9, 2.9), .. Unary(UnaryFormula.HardSigmoid, 3.1, 6),
        .. Unary(UnaryFormula.NotEqual, 0.1, 2, alpha: 2.5f),
        .. Unary(UnaryFormula.Tanh, -4, 4), .. Unary(UnaryFormula.Gelu, -5, 5), .. Unary(UnaryFormula.GeluTanh, -5, 5),
        .. Unary(UnaryFormula.SiLU, -6, 6), .. Unary(UnaryFormula.Mish, -6, 6), .. Unary(UnaryFormula.Mish, 18, 30), .. Unary(UnaryFormula.Softplus, -6, 6), .. Unary(UnaryFormula.Softsign, 0.1, 3),
        .. Unary(UnaryFormula.Softsign, -3, -0.1), .. Unary(UnaryFormula.Exp, -3, 2), .. Unary(UnaryFormula.Log, 0.5, 4),
        .. Unary(UnaryFormula.Sqrt, 0.5, 4), .. Unary(UnaryFormula.Rsqrt, 0.5, 4), .. Unary(UnaryFormula.Square, -2, 2),
        .. Unary(UnaryFormula.Abs, -2, -0.1), .. Unary(UnaryFormula.Abs, 0.1, 2), .. Unary(UnaryFormula.Negate, -2, 2),
        .. Unary(UnaryFormula.Reciprocal, 0.5, 2), .. Unary(UnaryFormula.Scale, -2, 2, alpha: 1.7f, beta: -0.4f),
        .. Unary(UnaryFormula.Clip, -0.4, 0.6, alpha: -0.5f, beta: 0.7f), .. Unary(UnaryFormula.Clip, 0.8, 2, alpha: -0.5f, beta: 0.7f),
        .. Unary(UnaryFormula.Threshold, 0.6, 1.9, alpha: 0.5f, beta: 2), .. Unary(UnaryFormula.Threshold, -2, 0.4, alpha: 0.5f, beta: 2),
        .. Unary(UnaryFormula.Threshold, 2.1, 3, alpha: 0.5f, beta: 2), .. Unary(UnaryFormula.Pow, 0.5, 2, alpha: 3), .. Unary(UnaryFormula.Pow, 0.5, 2, alpha: -1.5f),
        .. Unary(UnaryFormula.HardSigmoidKeras2, -2.4, 2.4), .. Unary(UnaryFormula.HardSigmoidKeras2, 2.6, 5), .. Unary(UnaryFormula.SparseSigmoid, -0.9, 0.9),
        .. Unary(UnaryFormula.SparseSigmoid, -3, -1.1), .. Unary(UnaryFormula.HardSiLU, -2.9, 2.9), .. Unary(UnaryFormula.HardSiLU, -6, -3.1), .. Unary(UnaryFormula.HardSiLU, 3.1, 6),
        .. Unary(UnaryFormula.LogSigmoid, -6, 6), .. Unary(UnaryFormula.LogSigmoid, -90, -80), .. Unary(UnaryFormula.TanhShrink, -4, 4), .. Unary(UnaryFormula.SoftShrink, 0.6, 2, alpha: 0.5f),
        .. Unary(UnaryFormula.SoftShrink, -2, -0.6, alpha: 0.5f), .. Unary(UnaryFormula.SoftShrink, -0.4, 0.4, alpha: 0.5f), .. Unary(UnaryFormula.HardShrink, 0.6, 2, alpha: 0.5f),
        .. Unary(UnaryFormula.HardShrink, -0.4, 0.4, alpha: 0.5f), .. Unary(UnaryFormula.SquarePlus, -4, 4, alpha: 4), .. Unary(UnaryFormula.SparsePlus, -0.9, 0.9),
        .. Unary(UnaryFormula.SparsePlus, 1.1, 3), .. Unary(UnaryFormula.SparsePlus, -3, -1.1),
        .. Binary(BinaryFormula.Add), .. Binary(BinaryFormula.Subtract), .. Binary(BinaryFormula.Multiply), .. Binary(BinaryFormula.Divide),
        .. Binary(BinaryFormula.Maximum), .. Binary(BinaryFormula.Minimum), .. PReLU([2, 3, 4, 5], [1, 1, 5]), .. PReLU([7, 37], [37]), .. PReLU([3, 9, 40], [9, 1]),
    ];

    public static GoldenCase[] Golden { get; } =
    [
        Unary("relu", UnaryFormula.ReLU), Unary("relu_at_kinks", UnaryFormula.ReLU), Unary("relu6", UnaryFormula.ReLUMax, 6),
        Unary("relu6_at_kinks", UnaryFormula.ReLUMax, 6), Unary("leaky_relu", UnaryFormula.LeakyReLU, 0.01f),
        Unary("leaky_relu_at_kinks", UnaryFormula.LeakyReLU, 0.01f), Unary("leaky_relu_0.2", UnaryFormula.LeakyReLU, 0.2f),
        Unary("elu", UnaryFormula.ELU, 1), Unary("elu_0.5", UnaryFormula.ELU, 0.5f), Unary("elu_at_kinks", UnaryFormula.ELU, 1),
        Unary("selu", UnaryFormula.SELU), Unary("sigmoid", UnaryFormula.Sigmoid), Unary("hardsigmoid", UnaryFormula.HardSigmoid),
        Unary("hardsigmoid_at_kinks", UnaryFormula.HardSigmoid), Unary("tanh", UnaryFormula.Tanh), Unary("gelu_erf", UnaryFormula.Gelu),
        Unary("gelu_tanh", UnaryFormula.GeluTanh), Unary("silu", UnaryFormula.SiLU), Unary("softplus", UnaryFormula.Softplus),
        Unary("mish", UnaryFormula.Mish), Unary("softsign", UnaryFormula.Softsign), Unary("exp", UnaryFormula.Exp), Unary("log", UnaryFormula.Log), Unary("sqrt", UnaryFormula.Sqrt),
        Unary("rsqrt", UnaryFormula.Rsqrt), Unary("square", UnaryFormula.Square), Unary("abs", UnaryFormula.Abs),
        Unary("abs_at_kinks", UnaryFormula.Abs), Unary("neg", UnaryFormula.Negate), Unary("reciprocal", UnaryFormula.Reciprocal),
        Unary("clamp", UnaryFormula.Clip, -0.5f, 0.7f),
        Unary("clamp_min", UnaryFormula.Clip, 0.25f, float.PositiveInfinity), Unary("pow_2.0", UnaryFormula.Pow, 2), Unary("pow_3.0", UnaryFormula.Pow, 3),
        Unary("pow_0.5", UnaryFormula.Pow, 0.5f), Unary("pow_-1.5", UnaryFormula.Pow, -1.5f), Unary("pow_3_negative_base", UnaryFormula.Pow, 3),
        Binary("add_broadcast", BinaryFormula.Add), Binary("sub_broadcast", BinaryFormula.Subtract), Binary("mul_broadcast", BinaryFormula.Multiply),
        Binary("div_broadcast", BinaryFormula.Divide), Binary("maximum", BinaryFormula.Maximum), Binary("minimum", BinaryFormula.Minimum),
    ];

    private static GoldenCase Unary(string name, UnaryFormula formula, float alpha = 0, float beta = 0) =>
        new(name, new UnaryOp(formula, alpha, beta), GoldenLayout.Same, "x");

    private static GoldenCase Binary(string name, BinaryFormula formula) => new(name, new BinaryOp(formula), GoldenLayout.Same, "a", "b");

    private static IEnumerable<OpCase> Unary(UnaryFormula formula, double from, double to, float alpha = 0, float beta = 0)
    {
        foreach (int[] size in s_sizes)
        {
            var shape = new Shape(size);
            yield return new($"{formula} {alpha} {beta} {shape} from {from}", new UnaryOp(formula, alpha, beta), new OpInput(shape, from, to))
            {
                ChecksGradient = shape.Count < 1000,
            };
        }
    }

    private static IEnumerable<OpCase> PReLU(int[] x, int[] slope)
    {
        foreach ((double from, double to) in new[] { (0.1, 2.0), (-2.0, -0.1) })
        {
            yield return new($"PReLU {new Shape(x)} {new Shape(slope)} from {from}", new BinaryOp(BinaryFormula.PReLU), new OpInput(new Shape(x), from, to), new OpInput(new Shape(slope)))
            {
                ChecksGradient = new Shape(x).Count < 1000,
            };
        }
    }

    private static IEnumerable<OpCase> Binary(BinaryFormula formula)
    {
        (int[] A, int[] B)[] shapes =
        [
            ([3, 5], [3, 5]), ([2, 3, 4, 5], [5]), ([5], [2, 3, 5]), ([3, 4], []), ([], [7]), ([2, 3, 1, 5], [2, 1, 4, 5]), ([2, 1, 1, 3], [2, 4, 5, 3]),
            ([4, 1], [1, 6]), ([6, 5], [6, 1]), ([7, 3001], [7, 3001]), ([40, 33], [33]), ([2, 20000], [1]), ([3, 9, 40], [3, 1, 40]),
        ];
        foreach ((int[] a, int[] b) in shapes)
        {
            Shape first = new(a), second = new(b);
            // a lies above or below b throughout, away from the kink of a maximum; a divisor stays away from 0.
            yield return new($"{formula} {first} {second}", new BinaryOp(formula), new OpInput(first, -2, 0.9), new OpInput(second, 1, 2))
            {
                ChecksGradient = first.Count < 1000,
            };
            if (formula is BinaryFormula.Maximum or BinaryFormula.Minimum)
            {
                yield return new($"{formula} {first} above {second}", new BinaryOp(formula), new OpInput(first, 1, 2), new OpInput(second, -2, 0.9))
                {
                    ChecksGradient = first.Count < 1000,
                };
            }
        }
    }
}
