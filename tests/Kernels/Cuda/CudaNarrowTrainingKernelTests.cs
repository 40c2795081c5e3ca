using Graft.Kernels;
using Graft.Tests.CudaEmulator;
using Xunit;
using static Graft.Tests.Kernels.KernelBlocks;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>
/// Kernels of training steps on numbers of 16 bits, forward and backward, on the emulated GPU with every access checked, against the Reference set on the same numbers as float32: what they
/// store in 16 bits is that, rounded; sums and gradients of weights are float32.
/// </summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaNarrowTrainingKernelTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private static readonly Padding2D s_uneven = new(0, 2, 1, 0);

    private static readonly Dictionary<string, Case> s_cases = Cases().ToDictionary(c => c.Name);

    /// <summary>The kernels of a set on numbers as they lie in memory.</summary>
    private sealed record Kernels<T>(Conv2DKernels<T> Conv2D, BatchNormKernels<T> BatchNorm, Pool2DKernels<T> Pool2D, Pad2DKernels<T> Pad2D, ReduceKernels<T> Reduce, UnaryKernels<T> Unary,
        Action<DevicePtr<T>, DevicePtr<T>, long, float> Accumulate, MemoryKernels Memory)
        where T : unmanaged;

    /// <summary>A run: numbers of 16 bits that it reads and writes, and the same of float32. Rounds says how often a stored number of 16 bits is rounded.</summary>
    private sealed record Case(string Name, object Geometry, float[][] X, float[][] F, float[][] Y, float[][] R)
    {
        public int Rounds { get; init; } = 1;

        public int[] NarrowSums { get; init; } = []; // results of float32 that a library made in 16 bits

        public bool HasBeta { get; init; } = true;

        public bool FromOutput { get; init; }

        public override string ToString() => Name;
    }

    public static TheoryData<string, ComputePrecision, bool> Names
    {
        get
        {
            var data = new TheoryData<string, ComputePrecision, bool>();
            foreach (string name in s_cases.Keys)
            {
                data.Add(name, ComputePrecision.BFloat16, true);
                data.Add(name, ComputePrecision.Float16, true);
                if (s_cases[name].Geometry is Conv2DGeometry)
                    data.Add(name, ComputePrecision.Float16, false);
            }
            return data;
        }
    }

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory, MemberData(nameof(Names))]
    public void Results_are_the_references_rounded(string name, ComputePrecision precision, bool usesCudnn)
    {
        emulator.Begin($"{name} {precision} {usesCudnn}");
        (emulator.Checked, emulator.Tight) = (true, true);
        using var gpu = new EmulatedGpu(usesCudnn: usesCudnn);
        Case test = s_cases[name];
        float[][] Rounded(float[][] arrays) => Array.ConvertAll(arrays, a => Array.ConvertAll(a, v => Round(v, precision)));
        // Weights are rounded by the kernels: here they are numbers that this leaves as they are, and so are the gradients that are added to.
        Case rounded = test with { X = Rounded(test.X), Y = Rounded(test.Y), F = test.Geometry is Conv2DGeometry ? Rounded(test.F) : test.F };
        NarrowKernels narrow = gpu.Kernels.In(precision).Narrow;
        KernelSet reference = KernelSet.Reference;
        double place = precision == ComputePrecision.BFloat16 ? Math.Pow(2, -8) : Math.Pow(2, -11);
        foreach (float beta in test.HasBeta ? [0, 1] : new[] { 0f })
        {
            foreach (int offset in test.Geometry is Conv2DGeometry ? [0] : new[] { 0, 1 }) // of numbers from an address that packs take
            {
                (float[][] y, float[][] r) = Run(new Kernels<float>(reference.Conv2D, reference.BatchNorm, reference.Pool2D, reference.Pad2D, reference.Reduce, reference.Unary, reference.Memory.Accumulate, reference.Memory),
                    rounded, beta, 0, v => v, v => v);
                (float[][] actualY, float[][] actualR) = Run(new Kernels<ushort>(narrow.Conv2D, narrow.BatchNorm, narrow.Pool2D, narrow.Pad2D, narrow.Reduce, narrow.Unary, narrow.Accumulate, gpu.Kernels.Memory),
                    rounded, beta, offset, v => Bits(v, precision), b => Number(b, precision));
                for (int a = 0; a < y.Length; a++)
                    Compare($"result {a}, beta {beta}, offset {offset}", y[a], actualY[a], place, test.Rounds);
                for (int a = 0; a < r.Length; a++)
                    Compare($"float32 {a}, beta {beta}, offset {offset}", r[a], actualR[a], place, test.NarrowSums.Contains(a) && usesCudnn ? 2 : 0);
            }
        }
    }

    [Fact]
    public void Convolutions_that_cudnn_refuses_run_on_float32_copies()
    {
        emulator.Begin(nameof(Convolutions_that_cudnn_refuses_run_on_float32_copies));
        using var gpu = new EmulatedGpu();
        Case test = s_cases["convolution of one tile"];
        Case rounded = test with { X = Array.ConvertAll(test.X, a => Array.ConvertAll(a, v => Round(v, ComputePrecision.BFloat16))), F = Array.ConvertAll(test.F, a => Array.ConvertAll(a, v => Round(v, ComputePrecision.BFloat16))) };
        NarrowKernels narrow = gpu.Kernels.In(ComputePrecision.BFloat16).Narrow;
        KernelSet reference = KernelSet.Reference;
        (float[][] y, float[][] r) = Run(new Kernels<float>(reference.Conv2D, reference.BatchNorm, reference.Pool2D, reference.Pad2D, reference.Reduce, reference.Unary, reference.Memory.Accumulate, reference.Memory), rounded, 0, 0, v => v, v => v);
        for (int refusals = 0; emulator.Counter("launches:conv2d_backward_weight_tiled") == 0; refusals++)
        {
            Assert.True(refusals < 60, "cuDNN never ran out of algorithms.");
            emulator.Inject("cudnn", (ulong)(refusals % 3 + 1), 3000);
            (float[][] actualY, float[][] actualR) = Run(new Kernels<ushort>(narrow.Conv2D, narrow.BatchNorm, narrow.Pool2D, narrow.Pad2D, narrow.Reduce, narrow.Unary, narrow.Accumulate, gpu.Kernels.Memory), rounded, 0, 0,
                v => Bits(v, ComputePrecision.BFloat16), b => Number(b, ComputePrecision.BFloat16));
            emulator.Inject("cudnn", 0, 0);
            for (int a = 0; a < y.Length; a++)
                Compare($"result {a}", y[a], actualY[a], Math.Pow(2, -8), 2);
            Compare("weights", r[0], actualR[0], Math.Pow(2, -8), 2);
        }
    }

    /// <summary>
    /// A stored number errs by half of a last place; for each rounding before the last, of sums that are below 8, by that of those; and by what float32 rounds, in another order.
    /// </summary>
    private static void Compare(string what, float[] expected, float[] actual, double place, int rounds)
    {
        double largest = Math.Max(1, expected.Max(v => Math.Abs((double)v)));
        for (int i = 0; i < expected.Length; i++)
        {
            double most = (rounds > 0 ? place * Math.Abs(expected[i]) : 0) + Math.Max(0, rounds - 1) * place * 8 + 1e-5 * largest;
            Assert.True(Math.Abs(expected[i] - actual[i]) <= most, $"{what}, number {i}: {actual[i]} for {expected[i]}, {most} are due.");
        }
    }

    private static (float[][] Y, float[][] R) Run<T>(Kernels<T> k, Case test, float beta, int offset, Func<float, T> store, Func<T, float> load)
        where T : unmanaged
    {
        var blocks = new List<nint>();
        DevicePtr<T> Store(float[] values)
        {
            T[] numbers = [.. new T[offset], .. values.Select(store)];
            blocks.Add(k.Memory.Allocate(numbers.Length * (long)System.Runtime.CompilerServices.Unsafe.SizeOf<T>()));
            k.Memory.Upload<T>(numbers, new DevicePtr<T>(blocks[^1]));
            return new DevicePtr<T>(blocks[^1]).At(offset);
        }
        DevicePtr<float> Float(float[] values)
        {
            blocks.Add(New(k.Memory, values).Address);
            return new(blocks[^1]);
        }
        DevicePtr<T>[] x = Array.ConvertAll(test.X, Store), y = Array.ConvertAll(test.Y, Store);
        DevicePtr<float>[] f = Array.ConvertAll(test.F, Float), r = Array.ConvertAll(test.R, Float);
        Call(k, test, x, f, y, r, beta);
        float[][] narrow = [.. test.Y.Select((v, i) =>
        {
            var numbers = new T[v.Length];
            k.Memory.Download(y[i], numbers.AsSpan());
            return Array.ConvertAll(numbers, n => load(n));
        })];
        float[][] results = [.. test.R.Select((v, i) => Read(k.Memory, r[i], v.Length))];
        blocks.ForEach(k.Memory.Free);
        return (narrow, results);
    }

    private static void Call<T>(Kernels<T> k, Case test, DevicePtr<T>[] x, DevicePtr<float>[] f, DevicePtr<T>[] y, DevicePtr<float>[] r, float beta)
        where T : unmanaged
    {
        switch (test.Geometry)
        {
            case Conv2DGeometry g:
                k.Conv2D.Forward(g, x[0], f[0], f[1], y[0]);
                k.Conv2D.Forward(g, x[0], f[0], DevicePtr<float>.Null, y[1]);
                k.Conv2D.BackwardInput(g, x[1], f[0], y[2], beta);
                k.Conv2D.BackwardWeight(g, x[0], x[1], r[0], beta);
                k.Conv2D.BackwardBias(g, x[1], r[1], beta);
                break;
            case BatchNormGeometry g:
                k.BatchNorm.Forward(g, x[0], f[0], f[1], r[2], r[3], y[0], r[4], r[5], x.Length > 3 ? x[3] : default);
                BatchNormGate<T> gate = g.Activation == FusedActivation.None ? default : new(f[0], f[1], test.FromOutput ? x[2] : default, y[1]);
                k.BatchNorm.BackwardSums(g, x[0], x[1], r[4], r[5], r[0], r[1], gate);
                k.BatchNorm.BackwardInput(g, x[0], x[1], f[0], r[4], r[5], r[0], r[1], y[2], beta, gate);
                break;
            case (PoolKind.Max, Pool2DGeometry g):
                var winners = new DevicePtr<int>(r[0].Address);
                k.Pool2D.MaxForward(g, x[0], y[0], winners);
                k.Pool2D.MaxBackward(g, x[1], winners, y[1], beta);
                break;
            case (PoolKind.Average, Pool2DGeometry g):
                k.Pool2D.AverageForward(g, x[0], y[0]);
                k.Pool2D.AverageBackward(g, x[1], y[1], beta);
                break;
            case Pad2DGeometry g:
                k.Pad2D.Forward(g, x[0], y[0]);
                k.Pad2D.BackwardInput(g, x[1], y[1], beta);
                break;
            case ReduceGeometry g:
                k.Reduce.Forward(g, x[0], y[0], 0);
                k.Reduce.BackwardInput(g, default, default, x[1], y[1], beta);
                break;
            case UnaryGeometry g:
                k.Unary.Forward(g, x[0], y[0]);
                k.Unary.BackwardInput(g, x[0], x[2], x[1], y[1], beta);
                break;
            default:
                k.Accumulate(x[0], y[0], test.Y[0].Length, beta);
                break;
        }
    }

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
            yield return new(name, g, [Numbers(xs, 1), Numbers(ys, 2)], [Numbers(ws, 3), Numbers(g.O, 4)], [new float[ys], new float[ys], Numbers(xs, 5)], [Numbers(ws, 6), Numbers(g.O, 7)])
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
        foreach (UnaryFormula formula in new[] { UnaryFormula.ReLU, UnaryFormula.ReLUMax, UnaryFormula.LeakyReLU, UnaryFormula.SiLU, UnaryFormula.HardSiLU, UnaryFormula.Gelu, UnaryFormula.GeluTanh, UnaryFormula.Mish })
        {
            foreach (int count in new[] { 5, 1027, 2048 })
                yield return new($"{formula} {count}", new UnaryGeometry(count, formula, 0.5f), [Numbers(count, 1), Numbers(count, 2), Numbers(count, 4)], [], [new float[count], Numbers(count, 3)], []);
        }
        foreach (int count in new[] { 5, 1027, 2048 })
            yield return new($"accumulation {count}", "accumulation", [Numbers(count, 1)], [], [Numbers(count, 2)], []);
    }

    private static ushort Bits(float value, ComputePrecision precision) => precision == ComputePrecision.BFloat16 ? (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16) : BitConverter.HalfToUInt16Bits((Half)value);

    private static float Number(ushort bits, ComputePrecision precision) => precision == ComputePrecision.BFloat16 ? BitConverter.UInt32BitsToSingle((uint)bits << 16) : (float)BitConverter.UInt16BitsToHalf(bits);

    /// <summary>To nearest, ties to even, by other means than the engine's.</summary>
    private static float Round(float value, ComputePrecision precision)
    {
        if (precision == ComputePrecision.Float16 || value == 0)
            return (float)(Half)value;
        double last = Math.ScaleB(1, (int)Math.Floor(Math.Log2(Math.Abs((double)value))) - 7);
        return (float)(Math.Round(value / last, MidpointRounding.ToEven) * last);
    }
}
