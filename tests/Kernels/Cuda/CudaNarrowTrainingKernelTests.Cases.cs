using Graft.Kernels;
using static Graft.Tests.Kernels.KernelBlocks;

namespace Graft.Tests.Kernels.Cuda;

public sealed partial class CudaNarrowTrainingKernelTests
{
    private static IEnumerable<Case> Cases()
    {
        foreach ((string name, Conv2DGeometry g) in new (string, Conv2DGeometry)[]
        {
            ("convolution of one tile", new(2, 7, 6, 9, 11, 3, 3, 1, 1, 1, 1, Padding2D.All(1), 1)),
            ("convolution with uneven padding, strides and dilation", new(1, 9, 8, 10, 12, 3, 2, 2, 1, 1, 2, s_uneven, 1)),
            ("convolution in two groups", new(2, 6, 5, 18, 20, 3, 3, 2, 2, 1, 1, Padding2D.All(1), 2)),
            ("convolution of whole vectors", new(2, 5, 6, 8, 16, 3, 3, 1, 1, 1, 1, Padding2D.All(1), 1)),
            ("convolution 1x1", new(2, 7, 6, 16, 24, 1, 1, 1, 1, 1, 1, Padding2D.None, 1)),
            ("convolution 1x1 of every second pixel", new(2, 7, 6, 16, 24, 1, 1, 2, 2, 1, 1, Padding2D.None, 1)),
            ("convolution 1x1 with a step, vectors that are not whole", new(1, 5, 8, 6, 9, 1, 1, 1, 3, 1, 1, Padding2D.None, 1)),
            ("convolution 1x1 of segments of pixels and a rest", new(1, 41, 41, 8, 8, 1, 1, 1, 1, 1, 1, Padding2D.None, 1)),
        })
        {
            int xs = g.N * g.H * g.W * g.C, ys = g.N * g.OutH * g.OutW * g.O, ws = g.O * g.R * g.S * g.GroupC;
            bool isPointwise = g is { R: 1, S: 1 } && (g.StrideW == 1 || g.C % 8 == 0), isEven = g.Padding.Top == g.Padding.Bottom && g.Padding.Left == g.Padding.Right;
            yield return new(name, g, [Numbers(xs, 1), Numbers(ys, 2), Numbers(ws, 3)], [Numbers(g.O, 4)], [new float[ys], new float[ys], Numbers(xs, 5)], [Numbers(ws, 6), Numbers(g.O, 7)])
            {
                NarrowSums = isPointwise ? [] : [0],
                Rounds = isEven && g.StrideW == 1 ? 1 : 2, // a gradient that was made elsewhere first is added
            };
        }
        foreach ((int rows, int channels) in new[] { (1, 5), (300, 6), (70, 8), (1030, 4), (9, 132) })
        {
            foreach (FusedActivation activation in Enum.GetValues<FusedActivation>())
            {
                foreach ((bool training, bool fromOutput, bool hasResidual) in new[] { (true, false, false), (false, false, false), (true, true, true) })
                {
                    if (hasResidual && activation == FusedActivation.None)
                        continue;
                    float[] x = Numbers(rows * channels, 1, 3, 5), dy = Numbers(rows * channels, 2), y = [.. Numbers(rows * channels, 5, -9, 9).Select(v => MathF.Round(v))];
                    // Shifts that are far from a corner: no two kernel sets see a number on different sides of it.
                    float[] shift = [.. Numbers(channels, 4).Select(v => v < 0 ? v - 8 : v + 8)];
                    yield return new($"batch norm {rows}x{channels} training {training} {activation} by {(fromOutput ? "y" : "x")}", new BatchNormGeometry(rows, channels, 1e-3f, 0.9f, training, Activation: activation),
                        hasResidual ? [x, dy, y, Numbers(rows * channels, 9)] : [x, dy, y], [Numbers(channels, 3, 0.5f, 1.5f), shift],
                        [new float[rows * channels], new float[rows * channels], Numbers(rows * channels, 8)],
                        [new float[channels], new float[channels], Numbers(channels, 6, 3, 5), Numbers(channels, 7, 0.5f, 2), new float[channels], new float[channels]]) { FromOutput = fromOutput };
                }
            }
        }
        foreach (int channels in new[] { 3, 8 })
        {
            foreach (Pool2DGeometry g in new Pool2DGeometry[]
            {
                new(2, 7, 6, channels, 3, 3, 2, 2, new Padding2D(0, 1, 0, 1), false), new(2, 7, 6, channels, 2, 2, 2, 2, Padding2D.None, false), new(2, 7, 6, channels, 3, 2, 1, 1, new Padding2D(1, 1, 0, 1), true),
            })
            {
                int xs = g.N * g.H * g.W * g.C, ys = g.N * g.OutH * g.OutW * g.C;
                yield return new($"max pooling {g.R}x{g.S} of {channels}", (PoolKind.Max, g), [Numbers(xs, 1), Numbers(ys, 2)], [], [new float[ys], Numbers(xs, 3)], [new float[ys]]);
                yield return new($"average pooling {g.R}x{g.S} of {channels}", (PoolKind.Average, g), [Numbers(xs, 1), Numbers(ys, 2)], [], [new float[ys], Numbers(xs, 3)], []);
            }
            var pad = new Pad2DGeometry(2, 3, 4, channels, new Padding2D(1, 2, 0, 1));
            yield return new($"padding of {channels}", pad, [Numbers(2 * 3 * 4 * channels, 1), Numbers(2 * 6 * 5 * channels, 2)], [], [new float[2 * 6 * 5 * channels], Numbers(2 * 3 * 4 * channels, 3)], []);
            foreach ((int height, bool[] reduced) in new[] { (5, new[] { false, true, true, false }), (30, [false, true, true, false]), (5, [false, false, true, false]), (5, [false, true, false, true]) })
            {
                ReduceGeometry mean = ReduceGeometry.Of(ReduceFormula.Mean, [3, height, 4, channels], reduced);
                yield return new($"mean of {height} rows of {channels} over {string.Concat(reduced.Select(r => r ? '1' : '0'))}", mean, [Numbers(3 * height * 4 * channels, 1), Numbers((int)mean.Kept, 2)], [],
                    [new float[mean.Kept], Numbers(3 * height * 4 * channels, 3)], []);
            }
        }
        foreach (UnaryFormula formula in new[] { UnaryFormula.ReLU, UnaryFormula.ReLUMax, UnaryFormula.LeakyReLU, UnaryFormula.SiLU, UnaryFormula.HardSiLU, UnaryFormula.Gelu, UnaryFormula.GeluTanh, UnaryFormula.Mish, UnaryFormula.ELU, UnaryFormula.SELU,
            UnaryFormula.Tanh, UnaryFormula.Softsign, UnaryFormula.Scale })
        {
            foreach (int count in new[] { 5, 1027, 2048 })
                yield return new($"{formula} {count}", new UnaryGeometry(count, formula, 0.5f), [Numbers(count, 1), Numbers(count, 2), Numbers(count, 4)], [], [new float[count], Numbers(count, 3)], []);
        }
        foreach (DepthwiseConv2DGeometry g in new DepthwiseConv2DGeometry[] { new(2, 7, 6, 8, 3, 3, 1, 1, 1, 1, 1, Padding2D.All(1)), new(1, 9, 8, 5, 3, 2, 2, 2, 1, 1, 2, s_uneven), new(3, 11, 10, 33, 3, 3, 1, 2, 2, 1, 1, Padding2D.All(1)) })
        {
            int xs = g.N * g.H * g.W * g.C, ys = g.N * g.OutH * g.OutW * g.O, ws = g.R * g.S * g.O;
            yield return new($"depthwise convolution of {g.C} by {g.M}", g, [Numbers(xs, 1), Numbers(ys, 2)], [Numbers(ws, 3), Numbers(g.O, 4)], [new float[ys], new float[ys], Numbers(xs, 5)], [Numbers(ws, 6), Numbers(g.O, 7)]);
        }
        foreach (UpsampleKind kind in Enum.GetValues<UpsampleKind>())
        {
            foreach (int channels in new[] { 3, 8 })
            {
                var g = new Upsample2DGeometry(kind, 2, 3, 4, channels, 2, 3);
                yield return new($"{kind} of {channels}", g, [Numbers(24 * channels, 1), Numbers(144 * channels, 2)], [], [new float[144 * channels], Numbers(24 * channels, 3)], []);
            }
        }
        foreach ((int total, int first, int part) in new[] { (8, 3, 4), (24, 8, 16), (5, 4, 1) })
        {
            yield return new($"part {part} of {total} joined", new ConcatGeometry(6, total, first, part), [Numbers(6 * part, 1), Numbers(6 * total, 2)], [], [Numbers(6 * total, 4), Numbers(6 * part, 3)], []);
            yield return new($"part {part} of {total} taken", new SliceGeometry(6, total, first, part), [Numbers(6 * total, 1), Numbers(6 * part, 2)], [], [new float[6 * part], Numbers(6 * total, 3)], []);
        }
        foreach (int count in new[] { 5, 1027, 2048 })
            yield return new($"accumulation {count}", "accumulation", [Numbers(count, 1)], [], [Numbers(count, 2)], []);
    }

    private static IEnumerable<Case> TransformerCases()
    {
        foreach (DenseGeometry g in new DenseGeometry[] { new(6, 16, 24), new(37, 5, 3), new(1, 8, 1), new(1100, 3, 1003) }) // the last makes and reads rows that tensor cores do not like
        {
            yield return new($"dense {g.N}x{g.I} to {g.O}", g, [Numbers(g.N * g.I, 1), Numbers(g.N * g.O, 2), Numbers(g.I * g.O, 3)], [Numbers(g.O, 4)],
                [new float[g.N * g.O], new float[g.N * g.O], Numbers(g.N * g.I, 5), Numbers(g.N * g.I, 6)], [Numbers(g.I * g.O, 7), Numbers(g.O, 8), Numbers(g.I * g.O, 9)]);
            foreach (bool turned in new[] { false, true })
            {
                yield return new($"product {g.N}x{g.I} with {g.O} {turned}", new MatMulGeometry(g.N, g.O, g.I, false, turned, [0], [0], 1, 1), [Numbers(g.N * g.I, 1), Numbers(g.N * g.O, 2), Numbers(g.I * g.O, 3)], [],
                    [new float[g.N * g.O], Numbers(g.N * g.I, 5), Numbers(g.N * g.I, 6)], [Numbers(g.I * g.O, 7), Numbers(g.I * g.O, 9)]);
            }
        }
        // Forms for many short rows, for few, and for long ones. Of equal numbers, all threads of a long row sum up the same: what a sum of too few digits loses does not cancel out.
        foreach ((int rows, int columns, int equal) in new[] { (6, 48, 1), (5, 7, 1), (1025, 12, 1), (1025, 7, 1), (1024, 260, 1), (2, 4100, 1), (2, 4100, 512) })
        {
            int count = rows * columns;
            string name = $"layer norm {rows}x{columns}{(equal > 1 ? $" by {equal}" : "")}";
            float[] numbers = Numbers(count, 1), x = [.. numbers.Select((_, i) => numbers[i - i % columns % equal])];
            var g = new LayerNormGeometry(rows, columns, 1e-5f);
            float[] scale = Numbers(columns, 3, 0.5f, 1.5f), shift = Numbers(columns, 4), dscale = Numbers(columns, 5), dshift = Numbers(columns, 6);
            yield return new(name, (false, g), [x, Numbers(count, 2)], [scale, shift], [new float[count], Numbers(count, 7)], [dscale, dshift, new float[rows], new float[rows]]);
            yield return new($"{name} of float32", (true, g), [Numbers(count, 2)], [scale, shift, x], [new float[count]], [dscale, dshift, new float[rows], new float[rows], Numbers(count, 7)]);
        }
        foreach (CausalAttentionGeometry g in new CausalAttentionGeometry[] { new(6, 1, 5, 4, 0.4f), new(2, 37, 3, 8, 0.4f), new(1, 66, 2, 33, 0.4f, 0.2f, 11), new(1, 130, 1, 64, 0.4f) })
        {
            int count = g.N * g.T * g.C;
            yield return new($"attention {g.T} {g.D}", g, [Numbers(3 * count, 1), Numbers(count, 2), Numbers(count, 4)], [], [new float[count], Numbers(3 * count, 3)], [new float[g.N * g.T * g.Heads]]);
        }
        foreach (int count in new[] { 5, 1027, 2048 })
        {
            yield return new($"dropout {count}", new DropoutGeometry(count, 0.3f, 17), [Numbers(count, 1), Numbers(count, 2)], [], [new float[count], Numbers(count, 3)], []);
            yield return new($"sum of types {count}", "sum of types", [Numbers(count, 1)], [Numbers(count, 2)], [], [new float[count]]) { HasBeta = false };
        }
        foreach (int columns in new[] { 3, 8 })
        {
            yield return new($"last token of {columns}", LastTokenGeometry.Of(3, 5, columns, 9, true), [Numbers(15 * columns, 1), Numbers(3 * columns, 2)], [[1, 2, 3, 9, 9, 9, 9, 9, 9, 9, 9, 4, 5, 6, 7]],
                [new float[3 * columns], Numbers(15 * columns, 3)], []);
        }
        float[] alike = [.. Enumerable.Range(0, 20_000).Select(k => k == 0 ? 0f : -2)]; // as above, of equal numbers
        yield return new("cross-entropy of 20000 classes, all but one alike", new ClassLossGeometry(1, 20_000, true, 0), [alike], [[1], [0.7f]], [Numbers(20_000, 3), alike], [new float[1]]);
        foreach ((int rows, int classes) in new[] { (4, 5), (3, 1001), (2, 20_000) })
        {
            float[] logits = Numbers(rows * classes, 1, -3, 3);
            foreach (float smoothing in new[] { 0, 0.25f })
            {
                yield return new($"cross-entropy of {classes} classes by index, {smoothing}", new ClassLossGeometry(rows, classes, true, smoothing), [logits], [[.. Enumerable.Range(0, rows).Select(i => i == 1 ? -100f : i)], Numbers(rows, 2)],
                    [Numbers(rows * classes, 3), logits], [new float[rows]]);
            }
            // Upstream gradients that make gradients of a size that 16 bits have digits for.
            yield return new($"cross-entropy of {classes} classes by share", new ClassLossGeometry(rows, classes, false, 0.25f), [logits], [Numbers(rows * classes, 4, 0, 2f / classes), Numbers(rows, 2, -classes, classes)],
                [Numbers(rows * classes, 3), logits], [new float[rows]]);
        }
    }
}
