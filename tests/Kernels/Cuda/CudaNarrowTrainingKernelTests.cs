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
public sealed partial class CudaNarrowTrainingKernelTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private static readonly Padding2D s_uneven = new(0, 2, 1, 0);

    private static readonly Dictionary<string, Case> s_cases = Cases().Concat(TransformerCases()).ToDictionary(c => c.Name);

    /// <summary>The kernels of a set on numbers as they lie in memory.</summary>
    private sealed record Kernels<T>(Conv2DKernels<T> Conv2D, BatchNormKernels<T> BatchNorm, Pool2DKernels<T> Pool2D, Pad2DKernels<T> Pad2D, ReduceKernels<T> Reduce, UnaryKernels<T> Unary,
        DenseKernels<T> Dense, MatMulKernels<T> MatMul, LayerNormKernels<T, T> LayerNorm, LayerNormKernels<float, T> LayerNormOfFloat32, CausalAttentionKernels<T> CausalAttention,
        DropoutKernels<T> Dropout, LastTokenKernels<T> LastToken, DepthwiseConv2DKernels<T> DepthwiseConv2D, Upsample2DKernels<T> Upsample2D, ConcatKernels<T> Concat, SliceKernels<T> Slice,
        SoftmaxCrossEntropyKernels<T> SoftmaxCrossEntropy, Action<DevicePtr<T>, DevicePtr<T>, long, float> Accumulate,
        Action<DevicePtr<float>, DevicePtr<T>, DevicePtr<float>, long> Add, MemoryKernels Memory)
        where T : unmanaged;

    private static Kernels<float> Reference { get; } = Of(KernelSet.Reference);

    private static Kernels<float> Of(KernelSet k) => new(k.Conv2D, k.BatchNorm, k.Pool2D, k.Pad2D, k.Reduce, k.Unary, k.Dense, k.MatMul, k.LayerNorm, k.LayerNorm, k.CausalAttention, k.Dropout, k.LastToken,
        k.DepthwiseConv2D, k.Upsample2D, k.Concat, k.Slice, k.SoftmaxCrossEntropy, k.Memory.Accumulate, (a, b, y, count) => k.Binary.Forward(BinaryGeometry.Of(BinaryFormula.Add, [(int)count], [(int)count]), a, b, y), k.Memory);

    private static Kernels<ushort> Of(NarrowKernels k, MemoryKernels memory) => new(k.Conv2D, k.BatchNorm, k.Pool2D, k.Pad2D, k.Reduce, k.Unary, k.TrainedDense, k.MatMul, k.LayerNorm, k.LayerNormOfFloat32,
        k.CausalAttention, k.Dropout, k.LastToken, k.DepthwiseConv2D, k.Upsample2D, k.Concat, k.Slice, k.SoftmaxCrossEntropy, k.Accumulate, k.Add, memory);

    /// <summary>A run: numbers of 16 bits that it reads and writes, and the same of float32. Rounds says how often a stored number of 16 bits is rounded.</summary>
    private sealed record Case(string Name, object Geometry, float[][] X, float[][] F, float[][] Y, float[][] R)
    {
        public int Rounds { get; init; } = 1;

        /// <summary>
        /// On hardware twice at least where channels or rows are not multiples of 8: a library may bring them into a form that its tensor cores take, in 16 bits, and add what is there
        /// behind that. cuDNN pads and cuts so; of cuBLAS no document says. The emulator rounds once.
        /// </summary>
        public int RoundsHere => !CudaEmulator.CudaEmulator.UsesHardware ? Rounds : Math.Max(Rounds, Geometry switch
        {
            Conv2DGeometry g => (g.GroupC | g.O / g.Groups) % 8 == 0 ? 1 : 2,
            DenseGeometry g => (g.I | g.O) % 8 == 0 ? 1 : 2,
            MatMulGeometry g => (g.K | g.N) % 8 == 0 ? 1 : 2,
            _ => 1,
        });

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
        // Biases are rounded by the kernels: here they are numbers that this leaves as they are, and so are the gradients that are added to.
        Case rounded = test with { X = Rounded(test.X), Y = Rounded(test.Y), F = test.Geometry is Conv2DGeometry or DenseGeometry ? Rounded(test.F) : test.F };
        Kernels<ushort> narrow = Of(gpu.Kernels.In(precision).Narrow, gpu.Kernels.Memory);
        // The Reference set's attention does not read y in backward: a rounded y would be an error of its own.
        Kernels<float> exact = test.Geometry is CausalAttentionGeometry ? Of(gpu.Kernels) : Reference;
        double place = precision == ComputePrecision.BFloat16 ? Math.Pow(2, -8) : Math.Pow(2, -11);
        foreach (float beta in test.HasBeta ? [0, 1] : new[] { 0f })
        {
            foreach (int offset in test.Geometry is Conv2DGeometry or DenseGeometry or MatMulGeometry ? [0] : new[] { 0, 1 }) // of numbers from an address that packs take
            {
                (float[][] y, float[][] r) = Run(exact, rounded, beta, 0, v => v, v => v);
                (float[][] actualY, float[][] actualR) = Run(narrow, rounded, beta, offset, v => Bits(v, precision), b => Number(b, precision));
                for (int a = 0; a < y.Length; a++)
                {
                    string what = $"result {a}, beta {beta}, offset {offset}";
                    if (test.Geometry is CausalAttentionGeometry attention)
                        CompareAttention(what, y[a], actualY[a], place, attention.C, y[a].Length / y[0].Length);
                    else
                        Compare(what, y[a], actualY[a], place, test.RoundsHere);
                }
                for (int a = 0; a < r.Length; a++)
                    Compare($"float32 {a}, beta {beta}, offset {offset}", r[a], actualR[a], place, test.NarrowSums.Contains(a) && usesCudnn ? 2 : 0);
            }
        }
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void A_dense_layer_of_many_odd_rows_goes_by_aligned_ones_and_gives_the_same_bits(ComputePrecision precision)
    {
        emulator.BeginEmulated($"{nameof(A_dense_layer_of_many_odd_rows_goes_by_aligned_ones_and_gives_the_same_bits)} {precision}", "it counts launches, and sums have one order");
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        const int rows = 1100, inputs = 8, outputs = 1003, few = 1000; // some of them are too few for it
        Kernels<ushort> narrow = Of(gpu.Kernels.In(precision).Narrow, gpu.Kernels.Memory);
        MemoryKernels memory = gpu.Kernels.Memory;
        nint Narrow(int count, int seed)
        {
            nint block = memory.Allocate(count * sizeof(ushort));
            memory.Upload<ushort>(Array.ConvertAll(Numbers(count, seed), v => Bits(Round(v, precision), precision)), new DevicePtr<ushort>(block));
            return block;
        }
        DevicePtr<ushort> x = new(Narrow(rows * inputs, 1)), w = new(Narrow(inputs * outputs, 2)), y = new(Narrow(rows * outputs, 3));
        DevicePtr<float> b = New(memory, Numbers(outputs, 4));
        ushort[] Forward(int count, DevicePtr<float> bias)
        {
            narrow.Dense.Forward(new DenseGeometry(count, inputs, outputs), x, w, bias, y);
            var values = new ushort[few * outputs];
            memory.Download(y, values.AsSpan());
            return values;
        }
        foreach (DevicePtr<float> bias in new[] { b, default })
        {
            emulator.ResetCounters();
            ushort[] padded = Forward(rows, bias);
            Assert.Equal((1UL, 3UL), (emulator.Counter($"launches:pad_stored_rows_{precision.Word()}"), emulator.Counter($"launches:unpad_rows_{precision.Word()}")));
            ushort[] plain = Forward(few, bias);
            Assert.Equal(1UL, emulator.Counter($"launches:pad_stored_rows_{precision.Word()}"));
            Assert.Equal(plain, padded);
        }
        foreach (nint block in new[] { x.Address, w.Address, y.Address, b.Address })
            memory.Free(block);
    }

    [Fact]
    public void Convolutions_that_cudnn_refuses_run_on_float32_copies()
    {
        emulator.Begin(nameof(Convolutions_that_cudnn_refuses_run_on_float32_copies));
        using var gpu = new EmulatedGpu();
        Case test = s_cases["convolution of one tile"];
        Case rounded = test with { X = Array.ConvertAll(test.X, a => Array.ConvertAll(a, v => Round(v, ComputePrecision.BFloat16))), F = Array.ConvertAll(test.F, a => Array.ConvertAll(a, v => Round(v, ComputePrecision.BFloat16))) };
        Kernels<ushort> narrow = Of(gpu.Kernels.In(ComputePrecision.BFloat16).Narrow, gpu.Kernels.Memory);
        (float[][] y, float[][] r) = Run(Reference, rounded, 0, 0, v => v, v => v);
        for (int refusals = 0; emulator.Counter("launches:conv2d_backward_weight_tiled") == 0; refusals++)
        {
            Assert.True(refusals < 60, "cuDNN never ran out of algorithms.");
            emulator.Inject("cudnn", (ulong)(refusals % 3 + 1), 3000);
            (float[][] actualY, float[][] actualR) = Run(narrow, rounded, 0, 0,
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

    /// <summary>
    /// Attention rounds twice: weights or gradients of scores before they are multiplied, and what it stores. Rounding to nearest errs, over numbers of all sizes, by 0.39 of half a last place in root
    /// mean square. Factors have either sign, so that both roundings add up like independent errors: to 0.55 of half a place of what is stored, to 0.63 where few rows have most of a gradient, and to 0.5
    /// in y, where a row's largest weight is 1. Truncation in place of one of them makes it 0.8 to 0.9, and 0.63 to 0.69 where y's weights are truncated.
    /// A single number errs by half of its own last place and by what the weights of a row sum up to: below 5 half places of the root mean square.
    /// </summary>
    /// <param name="what">For people.</param>
    /// <param name="expected">Rows of each part in turn: of y alone, or of queries, keys and values.</param>
    /// <param name="actual">What the kernels stored.</param>
    /// <param name="place">Half a last place of 1.</param>
    /// <param name="rowLength">Numbers of a row.</param>
    /// <param name="parts">1 or 3.</param>
    private static void CompareAttention(string what, float[] expected, float[] actual, double place, int rowLength, int parts)
    {
        for (int part = 0; part < parts; part++)
        {
            int[] own = [.. Enumerable.Range(0, expected.Length).Where(i => i / rowLength % parts == part)];
            double size = RootMeanSquare(own.Select(i => (double)expected[i])), error = RootMeanSquare(own.Select(i => (double)expected[i] - actual[i]));
            double due = parts == 1 ? 0.54 : 0.7;
            Assert.True(error <= due * place * size + 1e-6, $"{what}, part {part}: numbers of {size} err by {error / place / size} of half a place, {due} are due.");
            foreach (int i in own)
            {
                double most = place * (Math.Abs(expected[i]) + 6 * size) + 1e-6;
                Assert.True(Math.Abs(expected[i] - actual[i]) <= most, $"{what}, number {i}: {actual[i]} for {expected[i]}, {most} are due.");
            }
        }
    }

    private static double RootMeanSquare(IEnumerable<double> numbers) => Math.Sqrt(numbers.Average(v => v * v));

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
                k.Conv2D.Forward(g, x[0], x[2], f[0], y[0]);
                k.Conv2D.Forward(g, x[0], x[2], DevicePtr<float>.Null, y[1]);
                k.Conv2D.BackwardInput(g, x[1], x[2], y[2], beta);
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
            case DepthwiseConv2DGeometry g:
                k.DepthwiseConv2D.Forward(g, x[0], f[0], f[1], y[0]);
                k.DepthwiseConv2D.Forward(g, x[0], f[0], DevicePtr<float>.Null, y[1]);
                k.DepthwiseConv2D.BackwardInput(g, x[1], f[0], y[2], beta);
                k.DepthwiseConv2D.BackwardWeight(g, x[0], x[1], r[0], beta);
                k.DepthwiseConv2D.BackwardBias(g, x[1], r[1], beta);
                break;
            case Upsample2DGeometry g:
                k.Upsample2D.Forward(g, x[0], y[0]);
                k.Upsample2D.BackwardInput(g, x[1], y[1], beta);
                break;
            case ConcatGeometry g:
                k.Concat.Forward(g, x[0], y[0]);
                k.Concat.BackwardInput(g, x[1], y[1], beta);
                break;
            case SliceGeometry g:
                k.Slice.Forward(g, x[0], y[0]);
                k.Slice.BackwardInput(g, x[1], y[1], beta);
                break;
            case DenseGeometry g:
                k.Dense.Forward(g, x[0], x[2], f[0], y[0]);
                k.Dense.Forward(g, x[0], x[2], DevicePtr<float>.Null, y[1]);
                k.Dense.BackwardInput(g, x[1], x[2], y[2], beta);
                k.Dense.BackwardWeight(g, x[0], x[1], r[0], beta);
                k.Dense.BackwardBias(g, x[1], r[1], beta);
                k.Dense.BackwardFactors(g, x[0], x[2], x[1], y[3], beta, r[2], beta);
                break;
            case MatMulGeometry g:
                k.MatMul.Forward(g, x[0], x[2], y[0]);
                k.MatMul.BackwardA(g, x[1], x[2], y[1], beta);
                k.MatMul.BackwardB(g, x[0], x[1], r[0], beta);
                k.MatMul.BackwardFactors(g, x[0], x[2], x[1], y[2], beta, r[1], beta);
                break;
            case (false, LayerNormGeometry g):
                k.LayerNorm.Forward(g, x[0], f[0], f[1], y[0], r[2], r[3]);
                k.LayerNorm.BackwardInput(g, x[0], x[1], f[0], r[2], r[3], y[1], beta);
                k.LayerNorm.BackwardScale(g, x[0], x[1], r[2], r[3], r[0], beta);
                k.LayerNorm.BackwardShift(g, x[1], r[1], beta);
                break;
            case (true, LayerNormGeometry g):
                k.LayerNormOfFloat32.Forward(g, f[2], f[0], f[1], y[0], r[2], r[3]);
                k.LayerNormOfFloat32.BackwardInput(g, f[2], x[0], f[0], r[2], r[3], r[4], beta);
                k.LayerNormOfFloat32.BackwardScale(g, f[2], x[0], r[2], r[3], r[0], beta);
                k.LayerNormOfFloat32.BackwardShift(g, x[0], r[1], beta);
                break;
            case CausalAttentionGeometry g:
                k.CausalAttention.Forward(g, x[0], y[0], r[0]);
                k.CausalAttention.Backward(g, x[0], x[2], r[0], x[1], y[1], beta);
                break;
            case DropoutGeometry g:
                k.Dropout.Forward(g, x[0], y[0]);
                k.Dropout.BackwardInput(g, x[1], y[1], beta);
                break;
            case LastTokenGeometry g:
                var ids = new DevicePtr<int>(f[0].Address);
                k.LastToken.Forward(g, ids, x[0], y[0]);
                k.LastToken.BackwardInput(g, ids, x[1], y[1], beta);
                break;
            case ClassLossGeometry g:
                k.SoftmaxCrossEntropy.Forward(g, x[0], f[0], r[0]);
                k.SoftmaxCrossEntropy.BackwardInput(g, x[0], f[0], f[1], y[0], beta);
                k.SoftmaxCrossEntropy.BackwardInput(g, y[1], f[0], f[1], y[1], 0); // over the logits themselves
                break;
            case "sum of types":
                k.Add(f[0], x[0], r[0], test.R[0].Length);
                break;
            default:
                k.Accumulate(x[0], y[0], test.Y[0].Length, beta);
                break;
        }
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
