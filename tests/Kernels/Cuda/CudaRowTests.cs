using System.Globalization;
using Graft.Kernels;
using Graft.Tests.CudaEmulator;
using Xunit;
using static Graft.Tests.Kernels.KernelBlocks;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>
/// Kernels over rows and columns, on the emulated GPU, against the Reference set: every form that the sizes choose, odd ends, addresses that do not lie by fours, which
/// change no bit, results that are added, and numbers that are not finite.
/// </summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaRowTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int MostChecked = 12_000; // numbers: with every access checked, more take long and show nothing new

    private static readonly Dictionary<string, Case> s_cases = Cases().ToDictionary(c => c.Name);

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    private delegate void Run(KernelSet kernels, DevicePtr<float>[] x, DevicePtr<float>[] y);

    // Inputs, what outputs hold before, and the kernels.
    private sealed record Case(string Name, float[][] Inputs, float[][] Outputs, Run Run, double Tolerance = 1e-5);

    public static TheoryData<string> Names => new(s_cases.Keys);

    [Theory, MemberData(nameof(Names))]
    public void Results_are_the_references_wherever_numbers_lie(string name)
    {
        emulator.Begin(name);
        Case test = s_cases[name];
        emulator.Checked = emulator.Tight = test.Inputs.Concat(test.Outputs).Sum(b => b.Length) <= MostChecked;
        float[][] expected = Results(KernelSet.Reference, test, 0);
        using var gpu = new EmulatedGpu();
        float[][] actual = Results(gpu.Kernels, test, 0);
        for (int b = 0; b < expected.Length; b++)
        {
            // Gradients are differences of numbers of about 1: what is left of them may be a hundredth.
            double largest = expected[b].Where(float.IsFinite).Select(v => Math.Abs((double)v)).DefaultIfEmpty(0).Max();
            for (int i = 0; i < expected[b].Length; i++)
            {
                bool agrees = float.IsFinite(expected[b][i]) ? Math.Abs(expected[b][i] - actual[b][i]) <= test.Tolerance * Math.Max(1e-2, largest) : expected[b][i].Equals(actual[b][i]);
                Assert.True(agrees, $"Output {b}, number {i}: {actual[b][i]} for {expected[b][i]}.");
            }
        }
        float[][] shifted = Results(gpu.Kernels, test, 1);
        for (int b = 0; b < expected.Length; b++)
            Assert.Equal(actual[b], shifted[b]);
    }

    [Fact]
    public void Squares_of_gradients_are_summed_whatever_their_length()
    {
        emulator.Begin(nameof(Squares_of_gradients_are_summed_whatever_their_length));
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        float[][] gradients = [.. new[] { 1, 4096, 4097, 10_003 }.Select((n, i) => Numbers(n, i + 1))];
        foreach (int skip in new[] { 0, 1 })
        {
            DevicePtr<float>[] blocks = Array.ConvertAll(gradients, v => New(gpu.Kernels.Memory, [.. new float[skip], .. v]));
            var sums = new double[gradients.Length];
            gpu.Kernels.Gradient.SumsOfSquares([.. gradients.Select((v, i) => new StepTensor(v.Length, default, blocks[i].At(skip), default, default))], sums);
            for (int i = 0; i < sums.Length; i++)
                Assert.Equal(gradients[i].Sum(v => (double)v * v), sums[i], 1e-9 * gradients[i].Length);
            foreach (DevicePtr<float> block in blocks)
                gpu.Kernels.Memory.Free(block.Address);
        }
    }

    private static IEnumerable<Case> Cases()
    {
        foreach ((int rows, int columns) in new[] { (1, 1), (5, 4), (3, 37), (2, 768), (1030, 5), (1030, 260), (1025, 515), (2, 4100), (2, 4099), (1, 20_001) })
        {
            foreach (bool log in new[] { false, true })
                yield return Softmax(rows, columns, log);
            yield return LayerNorm(rows, columns);
            yield return LayerNormGradients(rows, columns, beta: rows % 2);
        }
        yield return new("softmax of infinities", [[1, float.NegativeInfinity, 2, float.NegativeInfinity, float.NegativeInfinity, 3, float.NaN, 1, 2, float.PositiveInfinity, 1, 2]], [new float[12]],
            (k, x, y) => k.Softmax.Forward(new(4, 3, false), x[0], y[0]));
        yield return new("softmax of masked numbers, long", [[.. Enumerable.Repeat(float.NegativeInfinity, 5000), 1, 2, 3]], [new float[5003]], (k, x, y) => k.Softmax.Forward(new(1, 5003, false), x[0], y[0]));
        foreach ((int rows, int channels) in new[] { (1, 1), (7, 3), (100, 4), (70, 6), (300, 36), (33, 130), (2000, 16), (5, 2052), (20_000, 2) })
        {
            foreach (bool training in new[] { false, true })
            {
                yield return BatchNorm(rows, channels, training);
                yield return BatchNormGradient(rows, channels, training, beta: rows % 2);
                foreach (FusedActivation activation in new[] { FusedActivation.ReLU, FusedActivation.ReLU6 })
                {
                    yield return BatchNormActivation(rows, channels, training, activation, residual: channels % 2 == 0);
                    foreach (bool byOutput in new[] { false, true })
                        yield return BatchNormActivationGradients(rows, channels, training, activation, byOutput, beta: rows % 2);
                }
            }
            yield return BatchNormSums(rows, channels);
        }
        foreach (ReduceFormula formula in Enum.GetValues<ReduceFormula>())
        {
            foreach ((int[] shape, bool[] reduced) in new (int[], bool[])[]
            {
                ([1000, 40], [true, false]), ([70, 5], [true, false]), ([5000, 1, 130], [true, true, false]), ([3, 70, 12], [false, true, false]), ([4, 49, 33], [false, true, false]), ([2, 3000, 4], [false, true, false]),
                ([2000, 37], [false, true]), ([1100, 40], [false, true]), ([5, 3000], [false, true]), ([2, 9001], [false, true]), ([30_003], [true]), ([3, 4, 5], [true, false, true]), ([1, 1], [true, true]),
            })
            {
                yield return Reduce(formula, shape, reduced, beta: shape[0] % 2);
                if (formula is ReduceFormula.Sum or ReduceFormula.Mean)
                    yield return ReduceGradient(formula, shape, reduced, beta: shape[0] % 2);
            }
        }
        foreach ((int rows, int classes) in new[] { (1, 1), (3, 10), (2, 1000), (5, 20_001) })
        {
            foreach (float smoothing in new[] { 0, 0.1f })
            {
                foreach (bool sparse in new[] { false, true })
                {
                    foreach (float beta in new[] { 0f, 1f })
                        yield return CrossEntropy(rows, classes, sparse, smoothing, beta);
                    yield return CategoricalCrossEntropy(rows, Math.Min(classes, 1000), sparse, smoothing, classes);
                }
            }
        }
        foreach (LossFormula formula in Enum.GetValues<LossFormula>())
            yield return Pointwise(formula, 5003);
    }

    private static string Named(FormattableString name) => name.ToString(CultureInfo.InvariantCulture);

    private static Case Softmax(int rows, int columns, bool log) => new(Named($"softmax {rows}x{columns} log {log}"),
        [Numbers(rows * columns, 1, -8, 8), Numbers(rows * columns, 2), Numbers(rows * columns, 3, 0, 0.01f)], [new float[rows * columns], Numbers(rows * columns, 4), new float[rows * columns]],
        (k, x, y) =>
        {
            SoftmaxGeometry g = new(rows, columns, log);
            k.Softmax.Forward(g, x[0], y[0]);
            k.Softmax.BackwardInput(g, x[2], x[1], y[1], 1);
            k.Softmax.BackwardInput(g, x[2], x[1], y[2], 0);
        });

    private static Case LayerNorm(int rows, int columns) => new(Named($"layer norm {rows}x{columns}"), [Numbers(rows * columns, 1, 2, 4), Numbers(columns, 2), Numbers(columns, 3)],
        [new float[rows * columns], new float[rows], new float[rows]],
        (k, x, y) => k.LayerNorm.Forward(new(rows, columns, 1e-3f), x[0], x[1], x[2], y[0], y[1], y[2]));

    private static Case LayerNormGradients(int rows, int columns, float beta) => new(Named($"layer norm's gradients {rows}x{columns}"),
        [Numbers(rows * columns, 1), Numbers(rows * columns, 2), Numbers(columns, 3), Numbers(rows, 4), Numbers(rows, 5, 0.5f, 2)], [Numbers(rows * columns, 6), Numbers(columns, 7), Numbers(columns, 8)],
        (k, x, y) =>
        {
            LayerNormGeometry g = new(rows, columns, 1e-3f);
            k.LayerNorm.BackwardInput(g, x[0], x[1], x[2], x[3], x[4], y[0], beta);
            k.LayerNorm.BackwardScale(g, x[0], x[1], x[3], x[4], y[1], beta);
            k.LayerNorm.BackwardShift(g, x[1], y[2], beta);
        });

    private static Case BatchNorm(int rows, int channels, bool training) => new(Named($"batch norm {rows}x{channels} training {training}"),
        [Numbers(rows * channels, 1, 99, 102), Numbers(channels, 2), Numbers(channels, 3)],
        [new float[rows * channels], Numbers(channels, 4), Numbers(channels, 5, 0.5f, 2), new float[channels], new float[channels]],
        (k, x, y) => k.BatchNorm.Forward(new(rows, channels, 1e-3f, 0.9f, training, Unbiased: true), x[0], x[1], x[2], y[1], y[2], y[0], y[3], y[4]));

    private static Case BatchNormSums(int rows, int channels) => new(Named($"batch norm's sums {rows}x{channels}"),
        [Numbers(rows * channels, 1), Numbers(rows * channels, 2), Numbers(channels, 3), Numbers(channels, 4, 0.5f, 2)], [new float[channels], new float[channels]],
        (k, x, y) => k.BatchNorm.BackwardSums(new(rows, channels, 1e-3f, 0.9f, true), x[0], x[1], x[2], x[3], y[0], y[1]));

    private static Case BatchNormGradient(int rows, int channels, bool training, float beta) => new(Named($"batch norm's gradient {rows}x{channels} training {training}"),
        [Numbers(rows * channels, 1), Numbers(rows * channels, 2), Numbers(channels, 3), Numbers(channels, 4), Numbers(channels, 5, 0.5f, 2), Numbers(channels, 6), Numbers(channels, 7)],
        [Numbers(rows * channels, 8)],
        (k, x, y) => k.BatchNorm.BackwardInput(new(rows, channels, 1e-3f, 0.9f, training), x[0], x[1], x[2], x[3], x[4], x[5], x[6], y[0], beta));

    private static Case BatchNormActivation(int rows, int channels, bool training, FusedActivation activation, bool residual) => new(
        Named($"batch norm {rows}x{channels} training {training} residual {residual} {activation}"),
        [Numbers(rows * channels, 1, 99, 102), Numbers(channels, 2), Numbers(channels, 3), Numbers(rows * channels, 6, -8, 8)],
        [new float[rows * channels], Numbers(channels, 4), Numbers(channels, 5, 0.5f, 2), new float[channels], new float[channels]],
        (k, x, y) => k.BatchNorm.Forward(new(rows, channels, 1e-3f, 0.9f, training, Activation: activation), x[0], x[1], x[2], y[1], y[2], y[0], y[3], y[4], residual ? x[3] : default));

    // Whole numbers: no two kernel sets see a number on different sides of a corner. The statistics are those of the batch, as forward has them.
    private static Case BatchNormActivationGradients(int rows, int channels, bool training, FusedActivation activation, bool byOutput, float beta) => new(
        Named($"batch norm's gradients {rows}x{channels} training {training} {activation} by {(byOutput ? "y" : "x")}"),
        [Numbers(rows * channels, 1), Numbers(rows * channels, 2), [.. Numbers(channels, 3).Select(v => v < 0 ? v - 2 : v + 2)], [.. Numbers(channels, 4).Select(v => v < 0 ? v - 8 : v + 8)],
            [.. Numbers(rows * channels, 5, -9, 9).Select(v => MathF.Round(v))], Numbers(channels, 6), Numbers(channels, 7, 0.5f, 2)],
        [new float[rows * channels], new float[channels], new float[channels], Numbers(rows * channels, 8), new float[rows * channels], new float[channels], new float[channels]],
        (k, x, y) =>
        {
            BatchNormGeometry g = new(rows, channels, 1e-3f, 0.9f, training, Activation: activation);
            k.BatchNorm.Forward(g, x[0], x[2], x[3], x[5], x[6], y[4], y[5], y[6]);
            var gate = new BatchNormGate<float>(x[2], x[3], byOutput ? x[4] : default, y[0]);
            k.BatchNorm.BackwardSums(g, x[0], x[1], y[5], y[6], y[1], y[2], gate);
            k.BatchNorm.BackwardInput(g, x[0], x[1], x[2], y[5], y[6], y[1], y[2], y[3], beta, gate);
        });

    private static Case Reduce(ReduceFormula formula, int[] shape, bool[] reduced, float beta)
    {
        ReduceGeometry g = ReduceGeometry.Of(formula, shape, reduced);
        return new(Named($"{formula} of {string.Join('x', shape)} over {string.Concat(reduced.Select(r => r ? '1' : '0'))}"), [Numbers((int)g.Extents.Product, 1)], [Numbers((int)g.Kept, 2)],
            (k, x, y) => k.Reduce.Forward(g, x[0], y[0], beta));
    }

    private static Case ReduceGradient(ReduceFormula formula, int[] shape, bool[] reduced, float beta)
    {
        ReduceGeometry g = ReduceGeometry.Of(formula, shape, reduced);
        return new(Named($"gradient of {formula} of {string.Join('x', shape)} over {string.Concat(reduced.Select(r => r ? '1' : '0'))}"), [Numbers((int)g.Kept, 1)], [Numbers((int)g.Extents.Product, 2)],
            (k, x, y) => k.Reduce.BackwardInput(g, default, default, x[0], y[0], beta));
    }

    private static Case CrossEntropy(int rows, int classes, bool sparse, float smoothing, float beta) => new(
        Named($"softmax cross-entropy {rows}x{classes} sparse {sparse} smoothing {smoothing} beta {beta}"),
        [Numbers(rows * classes, 1, -8, 8), Labels(rows, classes, sparse), Numbers(rows, 3)], [new float[rows], Numbers(rows * classes, 4)],
        (k, x, y) =>
        {
            ClassLossGeometry g = new(rows, classes, sparse, smoothing);
            k.SoftmaxCrossEntropy.Forward(g, x[0], x[1], y[0]);
            k.SoftmaxCrossEntropy.BackwardInput(g, x[0], x[1], x[2], y[1], beta);
        });

    private static Case CategoricalCrossEntropy(int rows, int classes, bool sparse, float smoothing, int seed) => new(
        Named($"categorical cross-entropy {rows}x{classes} sparse {sparse} smoothing {smoothing} {seed}"),
        [Numbers(rows * classes, seed, 0.1f, 1), Labels(rows, classes, sparse), Numbers(rows, 3)], [new float[rows], Numbers(rows * classes, 4)],
        (k, x, y) =>
        {
            ClassLossGeometry g = new(rows, classes, sparse, smoothing);
            k.CategoricalCrossEntropy.Forward(g, x[0], x[1], y[0]);
            k.CategoricalCrossEntropy.BackwardInput(g, x[0], x[1], x[2], y[1], rows % 2);
        }, Tolerance: 2e-5);

    /// <summary>Indices, of which one names no class, or shares.</summary>
    private static float[] Labels(int rows, int classes, bool sparse) =>
        sparse ? [.. Enumerable.Range(0, rows).Select(i => i == 1 ? -1f : i * 7919 % classes)] : Array.ConvertAll(Numbers(rows * classes, 2, 0, 1), v => v / classes);

    private static Case Pointwise(LossFormula formula, int count) => new(Named($"{formula} {count}"), [Numbers(count, 1, 0.01f, 0.99f), Numbers(count, 2, 0, 1), Numbers(count, 3)], [new float[count], Numbers(count, 4)],
        (k, x, y) =>
        {
            PointwiseLossGeometry g = new(count, formula, 0.3f, 0.1f);
            k.PointwiseLoss.Forward(g, x[0], x[1], y[0]);
            k.PointwiseLoss.BackwardInput(g, x[0], x[1], x[2], y[1], 1);
        });

    // With `skip` numbers before each block's own.
    private static float[][] Results(KernelSet kernels, Case test, int skip)
    {
        DevicePtr<float>[] x = Array.ConvertAll(test.Inputs, v => New(kernels.Memory, [.. new float[skip], .. v])), y = Array.ConvertAll(test.Outputs, v => New(kernels.Memory, [.. new float[skip], .. v]));
        test.Run(kernels, Array.ConvertAll(x, b => b.At(skip)), Array.ConvertAll(y, b => b.At(skip)));
        float[][] results = [.. y.Select((b, i) => Read(kernels.Memory, b.At(skip), test.Outputs[i].Length))];
        foreach (DevicePtr<float> block in x.Concat(y))
            kernels.Memory.Free(block.Address);
        return results;
    }
}
