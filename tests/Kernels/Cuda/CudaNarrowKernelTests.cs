using Graft.Kernels;
using Graft.Tests.CudaEmulator;
using Xunit;
using static Graft.Tests.Kernels.KernelBlocks;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>
/// Kernels on numbers of 16 bits, on the emulated GPU with every access checked, against the Reference set on the same numbers as float32: what they give is that, rounded.
/// </summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaNarrowKernelTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    /// <summary>Writes results from inputs that begin at some addresses; those of 16 bits are first, then those of float32.</summary>
    private delegate void NarrowRun(NarrowKernels kernels, DevicePtr<ushort>[] x, DevicePtr<float>[] f, DevicePtr<ushort> y);

    private delegate void ExactRun(KernelSet kernels, DevicePtr<float>[] x, DevicePtr<float>[] f, DevicePtr<float> y);

    // A run of a kernel: sizes of what it reads in 16 bits and as float32, and of what it writes; Rounds says how often a result is rounded.
    private sealed record Case(int[] Narrow, int[] Float32, int Output, NarrowRun Run, ExactRun Exact, int Rounds = 1);

    private static readonly FusedConv2DGeometry s_tiled = new(2, 7, 6, 9, 11, 3, 3, 1, 1, 1, 1, Padding2D.All(1)), s_naive = new(1, 9, 8, 2, 3, 3, 2, 2, 1, 1, 2, new Padding2D(0, 2, 1, 2)),
        s_wide = new(2, 7, 6, 8, 16, 3, 3, 1, 1, 1, 1, Padding2D.All(1)), s_pointwise = new(2, 7, 6, 16, 24, 1, 1, 1, 1, 1, 1, Padding2D.None),
        s_stepped = new(2, 7, 6, 16, 24, 1, 1, 2, 2, 1, 1, Padding2D.None); // of whole vectors

    private static readonly Dictionary<string, Case> s_cases = new()
    {
        ["convolution, bias, residual, ReLU"] = Convolution(s_tiled with { Activation = FusedActivation.ReLU }),
        ["convolution, uneven padding, ReLU6"] = Convolution(s_naive with { Activation = FusedActivation.ReLU6 }),
        ["convolution, max pooling"] = Convolution(s_tiled.WithMaxPool()),
        ["naive convolution, max pooling"] = Convolution(s_naive.WithMaxPool()),
        ["wide convolution, bias, residual, ReLU6"] = Convolution(s_wide with { Activation = FusedActivation.ReLU6 }),
        ["wide convolution, max pooling"] = Convolution(s_wide.WithMaxPool() with { Activation = FusedActivation.ReLU }),
        ["convolution 1x1, bias, residual, ReLU"] = Convolution(s_pointwise with { Activation = FusedActivation.ReLU }),
        ["convolution 1x1 with a step, bias, residual, ReLU6"] = Convolution(s_stepped with { Activation = FusedActivation.ReLU6 }),
        ["dense, bias"] = Dense(null, hasResidual: false),
        ["dense, bias, residual, ReLU"] = Dense(UnaryFormula.ReLU, hasResidual: true),
        ["dense, bias, residual, tanh"] = Dense(UnaryFormula.Tanh, hasResidual: true),
        ["dense, bias, GELU"] = Dense(UnaryFormula.GeluTanh, hasResidual: false),
        ["max pooling"] = new([2 * 7 * 6 * 3], [], 2 * 3 * 3 * 3, (k, x, _, y) => k.Pool2D.MaxForward(Pooling, x[0], y, DevicePtr<int>.Null), (k, x, _, y) => k.Pool2D.MaxForward(Pooling, x[0], y, DevicePtr<int>.Null)),
        ["average pooling"] = new([2 * 7 * 6 * 3], [], 2 * 3 * 3 * 3, (k, x, _, y) => k.Pool2D.AverageForward(Pooling, x[0], y), (k, x, _, y) => k.Pool2D.AverageForward(Pooling, x[0], y)),
        ["padding"] = new([2 * 3 * 4 * 5], [], 2 * 6 * 5 * 5, (k, x, _, y) => k.Pad2D.Forward(Padding, x[0], y), (k, x, _, y) => k.Pad2D.Forward(Padding, x[0], y)),
        ["mean of pixels"] = Reduction(ReduceFormula.Mean, [3, 5, 4, 9], [false, true, true, false]),
        ["largest of a row"] = Reduction(ReduceFormula.Max, [6, 70], [false, true]),
        ["sum of all, in segments"] = Reduction(ReduceFormula.Sum, [70_000], [true]),
        ["sigmoid"] = new([1000], [], 1000, (k, x, _, y) => k.Unary.Forward(new(1000, UnaryFormula.Sigmoid), x[0], y), (k, x, _, y) => k.Unary.Forward(new(1000, UnaryFormula.Sigmoid), x[0], y)),
        ["broadcast product"] = new([4 * 5 * 6, 6], [], 4 * 5 * 6, (k, x, _, y) => k.Binary(Product, x[0], x[1], y), (k, x, _, y) => k.Binary.Forward(Product, x[0], x[1], y)),
        ["softmax"] = new([5 * 37], [], 5 * 37, (k, x, _, y) => k.Softmax(new(5, 37, false), x[0], y), (k, x, _, y) => k.Softmax.Forward(new(5, 37, false), x[0], y)),
        ["layer norm"] = new([6 * 48], [48, 48, 12], 6 * 48, (k, x, f, y) => k.LayerNorm.Forward(new(6, 48, 1e-5f), x[0], f[0], f[1], y, DevicePtr<float>.Null, DevicePtr<float>.Null),
            (k, x, f, y) => k.LayerNorm.Forward(new(6, 48, 1e-5f), x[0], f[0], f[1], y, f[2], f[2].At(6))),
        ["softmax, fours"] = Softmax(3, 64), ["softmax, a warp a row"] = Softmax(1024, 12), ["softmax, a long row"] = Softmax(1, 4101),
        ["layer norm, a warp a row"] = LayerNorm(1024, 12), ["layer norm, odd rows"] = LayerNorm(1025, 7), ["layer norm, a long row"] = LayerNorm(1, 4100),
        ["means of columns"] = Reduction(ReduceFormula.Mean, [300, 12], [true, false]),
        ["sums of short rows"] = Reduction(ReduceFormula.Sum, [1030, 5], [false, true]),
        ["causal attention"] = new([2 * 37 * 3 * 24], [], 2 * 37 * 24, (k, x, _, y) => k.CausalAttention.Forward(Attention, x[0], y, DevicePtr<float>.Null), (k, x, _, y) => k.CausalAttention.Forward(Attention, x[0], y, DevicePtr<float>.Null), Rounds: 2), // weights too are factors
        ["concatenation"] = new([4 * 3, 4 * 5], [], 4 * 8, (k, x, _, y) =>
            {
                k.Concat.Forward(new(4, 8, 0, 3), x[0], y);
                k.Concat.Forward(new(4, 8, 3, 5), x[1], y);
            }, (k, x, _, y) =>
            {
                k.Concat.Forward(new(4, 8, 0, 3), x[0], y);
                k.Concat.Forward(new(4, 8, 3, 5), x[1], y);
            }),
        ["turned matrices"] = Permutation([3, 33, 34], [0, 2, 1]),
        ["permuted axes"] = Permutation([3, 4, 5, 6], [0, 2, 1, 3]),
        ["turned matrices in packs"] = Permutation([3, 36, 68], [0, 2, 1]),
        ["permuted axes in packs"] = Permutation([3, 4, 5, 16], [0, 2, 1, 3]),
        ["sum with a rest"] = new([1003, 1003], [], 1003, (k, x, _, y) => k.Binary(Sum, x[0], x[1], y), (k, x, _, y) => k.Binary.Forward(Sum, x[0], x[1], y)),
        ["broadcast product in packs"] = new([4 * 5 * 16, 16], [], 4 * 5 * 16, (k, x, _, y) => k.Binary(PackedProduct, x[0], x[1], y), (k, x, _, y) => k.Binary.Forward(PackedProduct, x[0], x[1], y)),
        ["ReLU with a rest"] = new([1003], [], 1003, (k, x, _, y) => k.Unary.Forward(new(1003, UnaryFormula.ReLU), x[0], y), (k, x, _, y) => k.Unary.Forward(new(1003, UnaryFormula.ReLU), x[0], y)),
        ["max pooling in packs"] = MaxPooling(Pooling with { C = 8 }),
        ["max pooling of 2 x 2 in packs"] = MaxPooling(new(2, 7, 6, 8, 2, 2, 2, 2, Padding2D.None, false)),
        ["max pooling of 3 x 3 without stride in packs"] = MaxPooling(new(2, 7, 6, 8, 3, 3, 1, 1, Padding2D.All(1), false)),
        ["average pooling in packs"] = new([2 * 7 * 6 * 8], [], 2 * 3 * 3 * 8, (k, x, _, y) => k.Pool2D.AverageForward(Pooling with { C = 8 }, x[0], y), (k, x, _, y) => k.Pool2D.AverageForward(Pooling with { C = 8 }, x[0], y)),
        ["padding in packs"] = new([2 * 3 * 4 * 8], [], 2 * 6 * 5 * 8, (k, x, _, y) => k.Pad2D.Forward(Padding with { C = 8 }, x[0], y), (k, x, _, y) => k.Pad2D.Forward(Padding with { C = 8 }, x[0], y)),
    };

    private static Pool2DGeometry Pooling => new(2, 7, 6, 3, 3, 3, 2, 2, new Padding2D(0, 1, 0, 1), false);

    private static Pad2DGeometry Padding => new(2, 3, 4, 5, new Padding2D(1, 2, 0, 1));

    private static BinaryGeometry Product => BinaryGeometry.Of(BinaryFormula.Multiply, [4, 5, 6], [6]);

    private static BinaryGeometry Sum => BinaryGeometry.Of(BinaryFormula.Add, [1003], [1003]);

    private static BinaryGeometry PackedProduct => BinaryGeometry.Of(BinaryFormula.Multiply, [4, 5, 16], [16]);

    private static CausalAttentionGeometry Attention => new(2, 37, 3, 8, 0.35f, 0, 0);

    public static TheoryData<string, ComputePrecision, bool, bool> Cases
    {
        get
        {
            var data = new TheoryData<string, ComputePrecision, bool, bool>();
            foreach (string name in s_cases.Keys)
            {
                foreach (ComputePrecision precision in new[] { ComputePrecision.BFloat16, ComputePrecision.Float16 })
                {
                    data.Add(name, precision, true, true);
                    if (name.Contains("convolution", StringComparison.Ordinal))
                        data.Add(name, precision, false, true);
                    if (name.StartsWith("dense", StringComparison.Ordinal))
                        data.Add(name, precision, true, false);
                }
            }
            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Results_are_the_references_rounded(string name, ComputePrecision precision, bool usesCudnn, bool usesCublasLt)
    {
        emulator.Begin($"{nameof(Results_are_the_references_rounded)} {name} {precision} {usesCudnn} {usesCublasLt}");
        (emulator.Checked, emulator.Tight) = (true, true);
        using var gpu = new EmulatedGpu(usesCudnn: usesCudnn, usesCublasLt: usesCublasLt);
        Case test = s_cases[name];
        float[][] x = [.. test.Narrow.Select((n, i) => Array.ConvertAll(Numbers(n, i + 1), v => Rounded(v, precision)))], f = [.. test.Float32.Select((n, i) => Numbers(n, i + 11))];
        float[] expected = Exact(test, x, f), actual = Narrow(gpu.Kernels.In(precision), test, x, f, precision);
        // Half of a last place: of the result, and for each rounding before the last of sums that are below 8; and what float32 rounds, in another order.
        double place = precision == ComputePrecision.BFloat16 ? Math.Pow(2, -8) : Math.Pow(2, -11), largest = expected.Max(v => Math.Abs((double)v));
        for (int i = 0; i < expected.Length; i++)
        {
            double most = place * Math.Abs(expected[i]) + (test.Rounds - 1) * place * 8 + 1e-5 * Math.Max(1, largest);
            Assert.True(Math.Abs(expected[i] - actual[i]) <= most, $"Number {i}: {actual[i]} for {expected[i]}, {most} are due.");
            Assert.Equal(Rounded(actual[i], precision), actual[i]);
        }
    }

    [Theory]
    [InlineData(ComputePrecision.BFloat16)]
    [InlineData(ComputePrecision.Float16)]
    public void Numbers_are_rounded_to_nearest_and_widened_exactly(ComputePrecision precision)
    {
        emulator.Begin($"{nameof(Numbers_are_rounded_to_nearest_and_widened_exactly)} {precision}");
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        float[] numbers = [.. Numbers(1000, 1, -1000, 1000), 0, -0f, 1 + 1 / 256f, 1 + 3 / 256f, 1 + 1 / 2048f, 65519, 65520, 1e-7f, 3e-8f, 3.3e38f, -3.4e38f, float.PositiveInfinity, float.NaN];
        DevicePtr<float> x = New(gpu.Kernels.Memory, numbers), back = New(gpu.Kernels.Memory, numbers);
        var y = new DevicePtr<ushort>(gpu.Kernels.Memory.Allocate(2L * numbers.Length));
        gpu.Kernels.In(precision).Narrow.Round(x, y, numbers.Length);
        gpu.Kernels.In(precision).Narrow.Widen(y, back, numbers.Length);
        Assert.Equal(Array.ConvertAll(numbers, v => Rounded(v, precision)), Read(gpu.Kernels.Memory, back, numbers.Length));
        foreach (nint block in new[] { x.Address, y.Address, back.Address })
            gpu.Kernels.Memory.Free(block);
    }

    [Fact]
    public void A_dense_layer_that_writes_float32_rounds_its_factors_alone()
    {
        emulator.Begin(nameof(A_dense_layer_that_writes_float32_rounds_its_factors_alone));
        emulator.Checked = true;
        using var gpu = new EmulatedGpu();
        float[] x = Array.ConvertAll(Numbers(5 * 37, 1), v => Rounded(v, ComputePrecision.BFloat16)), w = Array.ConvertAll(Numbers(37 * 19, 2), v => Rounded(v, ComputePrecision.BFloat16)), b = Numbers(19, 3);
        float[] Run(KernelSet kernels, bool narrow)
        {
            DevicePtr<float> bias = New(kernels.Memory, b), y = New(kernels.Memory, new float[5 * 19]);
            nint[] blocks = narrow ? [Upload(kernels, x, ComputePrecision.BFloat16), Upload(kernels, w, ComputePrecision.BFloat16)] : [New(kernels.Memory, x).Address, New(kernels.Memory, w).Address];
            if (narrow)
                kernels.Narrow.DenseToFloat32(new FrozenDenseGeometry(5, 37, 19), new(blocks[0]), new(blocks[1]), bias, y);
            else
                kernels.Dense.Forward(new DenseGeometry(5, 37, 19), new(blocks[0]), new(blocks[1]), bias, y);
            float[] values = Read(kernels.Memory, y, 5 * 19);
            foreach (nint block in new[] { blocks[0], blocks[1], bias.Address, y.Address })
                kernels.Memory.Free(block);
            return values;
        }
        Assert.All(Run(KernelSet.Reference, narrow: false).Zip(Run(gpu.Kernels.In(ComputePrecision.BFloat16), narrow: true)), p => Assert.Equal(p.First, p.Second, 1e-5));
    }

    private static Case Convolution(FusedConv2DGeometry g) => new([g.N * g.H * g.W * g.C, g.O * g.R * g.S * g.C, g.N * g.OutH * g.OutW * g.O, g.O], [g.O], g.N * g.StoredH * g.StoredW * g.O,
        (k, x, f, y) =>
        {
            k.Widen(x[3], f[0], g.O);
            k.FusedConv2D(g, x[0], x[1], f[0], x[3], x[2], y);
        },
        (k, x, f, y) =>
        {
            var packed = new DevicePtr<float>(k.Memory.Allocate(k.FusedConv2D.PackedSize(g, ConvAlgorithm.General) * sizeof(float)));
            k.FusedConv2D.Pack(g, ConvAlgorithm.General, x[1], packed);
            k.FusedConv2D.Run(g, ConvAlgorithm.General, x[0], packed, x[3], x[2], y);
            k.Memory.Free(packed.Address);
        }, Rounds: 2);

    private static Case Dense(UnaryFormula? activation, bool hasResidual)
    {
        var g = new FrozenDenseGeometry(5, 37, 19, activation);
        return new([5 * 37, 37 * 19, 19, 5 * 19], [], 5 * 19, (k, x, _, y) => k.Dense(g, x[0], x[1], x[2], hasResidual ? x[3] : default, y),
            (k, x, _, y) =>
            {
                var packed = new DevicePtr<float>(k.Memory.Allocate(k.FrozenDense.PackedSize(37, 19) * sizeof(float)));
                k.FrozenDense.Pack(37, 19, x[1], packed);
                k.FrozenDense.Run(g, x[0], packed, x[2], hasResidual ? x[3] : default, y);
                k.Memory.Free(packed.Address);
            }, Rounds: 3); // cuBLAS, then bias, then activation, where cuBLASLt does not do all
    }

    private static Case Reduction(ReduceFormula formula, int[] shape, bool[] reduced)
    {
        ReduceGeometry g = ReduceGeometry.Of(formula, shape, reduced);
        return new([shape.Aggregate((a, b) => a * b)], [], (int)g.Kept, (k, x, _, y) => k.Reduce.Forward(g, x[0], y, 0), (k, x, _, y) => k.Reduce.Forward(g, x[0], y, 0));
    }

    private static Case Permutation(int[] shape, int[] order)
    {
        PermuteGeometry g = PermuteGeometry.Of(shape, order);
        int count = shape.Aggregate((a, b) => a * b);
        return new([count], [], count, (k, x, _, y) => k.Permute(g, x[0], y), (k, x, _, y) => k.Permute.Forward(g, x[0], y));
    }

    private static Case Softmax(int rows, int columns) => new([rows * columns], [], rows * columns, (k, x, _, y) => k.Softmax(new(rows, columns, false), x[0], y),
        (k, x, _, y) => k.Softmax.Forward(new(rows, columns, false), x[0], y));

    private static Case LayerNorm(int rows, int columns) => new([rows * columns], [columns, columns, 2 * rows], rows * columns, (k, x, f, y) => k.LayerNorm.Forward(new(rows, columns, 1e-5f), x[0], f[0], f[1], y, DevicePtr<float>.Null, DevicePtr<float>.Null),
        (k, x, f, y) => k.LayerNorm.Forward(new(rows, columns, 1e-5f), x[0], f[0], f[1], y, f[2], f[2].At(rows)));

    private static Case MaxPooling(Pool2DGeometry g) => new([g.N * g.H * g.W * g.C], [], g.N * g.OutH * g.OutW * g.C,
        (k, x, _, y) => k.Pool2D.MaxForward(g, x[0], y, DevicePtr<int>.Null), (k, x, _, y) => k.Pool2D.MaxForward(g, x[0], y, DevicePtr<int>.Null));

    private static float[] Exact(Case test, float[][] x, float[][] f)
    {
        KernelSet kernels = KernelSet.Reference;
        DevicePtr<float>[] xs = Array.ConvertAll(x, v => New(kernels.Memory, v)), fs = Array.ConvertAll(f, v => New(kernels.Memory, v));
        DevicePtr<float> y = New(kernels.Memory, new float[test.Output]);
        test.Exact(kernels, xs, fs, y);
        float[] values = Read(kernels.Memory, y, test.Output);
        foreach (DevicePtr<float> block in xs.Concat(fs).Append(y))
            kernels.Memory.Free(block.Address);
        return values;
    }

    private static float[] Narrow(KernelSet kernels, Case test, float[][] x, float[][] f, ComputePrecision precision)
    {
        DevicePtr<ushort>[] xs = Array.ConvertAll(x, v => new DevicePtr<ushort>(Upload(kernels, v, precision)));
        DevicePtr<float>[] fs = Array.ConvertAll(f, v => New(kernels.Memory, v));
        var y = new DevicePtr<ushort>(kernels.Memory.Allocate(2L * test.Output));
        test.Run(kernels.Narrow, xs, fs, y);
        var bits = new ushort[test.Output];
        kernels.Memory.Download(y, bits.AsSpan());
        foreach (nint block in xs.Select(b => b.Address).Concat(fs.Select(b => b.Address)).Append(y.Address))
            kernels.Memory.Free(block);
        return Array.ConvertAll(bits, b => precision == ComputePrecision.BFloat16 ? BitConverter.UInt32BitsToSingle((uint)b << 16) : (float)BitConverter.UInt16BitsToHalf(b));
    }

    private static nint Upload(KernelSet kernels, float[] values, ComputePrecision precision)
    {
        ushort[] bits = Array.ConvertAll(values, v => precision == ComputePrecision.BFloat16 ? (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16) : BitConverter.HalfToUInt16Bits((Half)v));
        nint block = kernels.Memory.Allocate(2L * bits.Length);
        kernels.Memory.Upload<ushort>(bits, new DevicePtr<ushort>(block));
        return block;
    }

    /// <summary>To nearest, ties to even, by other means than the engine's.</summary>
    private static float Rounded(float value, ComputePrecision precision)
    {
        if (precision == ComputePrecision.Float16)
            return (float)(Half)value;
        if (!float.IsFinite(value))
            return value;
        double last = value == 0 ? 1 : Math.ScaleB(1, (int)Math.Floor(Math.Log2(Math.Abs((double)value))) - 7);
        return (float)(Math.Round(value / last, MidpointRounding.ToEven) * last);
    }
}
