using Xunit;

namespace Graft.Tests.CudaEmulator;

/// <summary>The emulated cuDNN: right numbers for right calls, the real status and a reason for wrong ones.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed unsafe class CudnnTests(CudaEmulator emulator)
{
    private const int BadParam = 2000, NotSupported = 3000, Nchw = 0, Nhwc = 1, Fma = 3, CrossCorrelation = 1, PrecomputedGemm = 1;

    private static float[] Numbers(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => (float)((i * 7 + seed * 3) % 11 - 5) / 2)];

    private static float Dot(float[] a, float[] b) => a.Zip(b, (x, y) => x * y).Sum();

    /// <summary>The descriptors of one convolution, and a handle.</summary>
    private sealed class Setup : IDisposable
    {
        public readonly nint Dnn, X, Y, Filter, Convolution;
        private readonly EmulatedDevice _device;

        public Setup(EmulatedDevice device, int format, int groups = 1, int stride = 1, int type = 0)
        {
            _device = device;
            device.Ok(CuLib.cudnnCreate(out Dnn));
            device.Ok(CuLib.cudnnCreateTensorDescriptor(out X));
            device.Ok(CuLib.cudnnCreateTensorDescriptor(out Y));
            device.Ok(CuLib.cudnnCreateFilterDescriptor(out Filter));
            device.Ok(CuLib.cudnnCreateConvolutionDescriptor(out Convolution));
            device.Ok(CuLib.cudnnSetTensor4dDescriptor(X, format, type, N, C, H, W));
            device.Ok(CuLib.cudnnSetFilter4dDescriptor(Filter, type, format, K, C / groups, R, R));
            device.Ok(CuLib.cudnnSetConvolution2dDescriptor(Convolution, 1, 1, stride, stride, 1, 1, CrossCorrelation, 0));
            device.Ok(CuLib.cudnnSetConvolutionGroupCount(Convolution, groups));
            device.Ok(CuLib.cudnnSetConvolutionMathType(Convolution, Fma));
            (P, Q) = ((H - 1) / stride + 1, (W - 1) / stride + 1);
            device.Ok(CuLib.cudnnSetTensor4dDescriptor(Y, format, type, N, K, P, Q));
        }

        public const int N = 2, C = 4, H = 5, W = 4, K = 6, R = 3;
        public int P { get; }
        public int Q { get; }
        public int OutputCount => N * K * P * Q;

        public void Dispose()
        {
            _device.Ok(CuLib.cudnnDestroyTensorDescriptor(X));
            _device.Ok(CuLib.cudnnDestroyTensorDescriptor(Y));
            _device.Ok(CuLib.cudnnDestroyFilterDescriptor(Filter));
            _device.Ok(CuLib.cudnnDestroyConvolutionDescriptor(Convolution));
            _device.Ok(CuLib.cudnnDestroy(Dnn));
        }
    }

    /// <summary>Cross-correlation with a padding of 1, dense NHWC and KRSC, in double.</summary>
    private static float[] Convolve(float[] x, float[] w, int groups, int stride)
    {
        int p = (Setup.H - 1) / stride + 1, q = (Setup.W - 1) / stride + 1, c = Setup.C / groups, k = Setup.K;
        var y = new float[Setup.N * p * q * k];
        for (int o = 0; o < y.Length; o++)
        {
            int ki = o % k, j = o / k % q, i = o / k / q % p, n = o / k / q / p;
            double sum = 0;
            for (int r = 0; r < Setup.R; r++)
            {
                for (int s = 0; s < Setup.R; s++)
                {
                    int h = i * stride - 1 + r, v = j * stride - 1 + s;
                    if (h < 0 || h >= Setup.H || v < 0 || v >= Setup.W)
                        continue;
                    for (int ci = 0; ci < c; ci++)
                        sum += (double)x[((n * Setup.H + h) * Setup.W + v) * Setup.C + ki / (k / groups) * c + ci] * w[((ki * Setup.R + r) * Setup.R + s) * c + ci];
                }
            }
            y[o] = (float)sum;
        }
        return y;
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    public void A_convolution_equals_plain_loops_and_its_gradients_are_its_adjoints(int groups, int stride)
    {
        using var device = new EmulatedDevice(emulator);
        using var s = new Setup(device, Nhwc, groups, stride);
        float[] x = Numbers(Setup.N * Setup.H * Setup.W * Setup.C, 1), w = Numbers(Setup.K * Setup.R * Setup.R * Setup.C / groups, 2), dy = Numbers(s.OutputCount, 3);
        ulong dx = device.Upload(x), dw = device.Upload(w), ddy = device.Upload(dy), y = device.Alloc(s.OutputCount), xGradient = device.Alloc(x.Length), wGradient = device.Alloc(w.Length);
        ulong workspace = device.Alloc(4096);
        float one = 1, zero = 0;
        device.Ok(CuLib.cudnnGetConvolutionForwardWorkspaceSize(s.Dnn, s.X, s.Filter, s.Convolution, s.Y, PrecomputedGemm, out nuint bytes));
        device.Ok(CuLib.cudnnConvolutionForward(s.Dnn, &one, s.X, dx, s.Filter, dw, s.Convolution, PrecomputedGemm, workspace, bytes, &zero, s.Y, y));
        device.Ok(CuLib.cudnnConvolutionBackwardData(s.Dnn, &one, s.Filter, dw, s.Y, ddy, s.Convolution, 1, workspace, 16384, &zero, s.X, xGradient));
        device.Ok(CuLib.cudnnConvolutionBackwardFilter(s.Dnn, &one, s.X, dx, s.Y, ddy, s.Convolution, 1, workspace, 16384, &zero, s.Filter, wGradient));
        float[] output = device.Download(y, s.OutputCount);
        Assert.Equal(Convolve(x, w, groups, stride), output); // quarters of whole numbers: exact
        // <dy, conv(x, w)> is linear in x and in w: both gradients give the same number.
        float inner = Dot(dy, output);
        Assert.Equal(inner, Dot(x, device.Download(xGradient, x.Length)));
        Assert.Equal(inner, Dot(w, device.Download(wGradient, w.Length)));
        emulator.AssertNoFindings();
    }

    [Fact]
    public void Nchw_is_the_same_convolution_in_another_order()
    {
        using var device = new EmulatedDevice(emulator);
        using var s = new Setup(device, Nchw);
        float[] x = Numbers(Setup.N * Setup.H * Setup.W * Setup.C, 1), w = Numbers(Setup.K * Setup.R * Setup.R * Setup.C, 2);
        static float[] ToNchw(float[] nhwc, int n, int h, int v, int c) =>
            [.. Enumerable.Range(0, nhwc.Length).Select(i => nhwc[((i / v / h / c * h + i / v % h) * v + i % v) * c + i / v / h % c])];
        ulong y = device.Alloc(s.OutputCount);
        float one = 1, zero = 0;
        device.Ok(CuLib.cudnnConvolutionForward(s.Dnn, &one, s.X, device.Upload(ToNchw(x, Setup.N, Setup.H, Setup.W, Setup.C)), s.Filter,
            device.Upload(ToNchw(w, Setup.K, Setup.R, Setup.R, Setup.C)), s.Convolution, 0, 0, 0, &zero, s.Y, y));
        Assert.Equal(ToNchw(Convolve(x, w, 1, 1), Setup.N, s.P, s.Q, Setup.K), device.Download(y, s.OutputCount));
        emulator.AssertNoFindings();
    }

    [Fact]
    public void A_workspace_serves_only_the_algorithm_and_math_type_that_it_was_asked_for()
    {
        using var device = new EmulatedDevice(emulator);
        using var s = new Setup(device, Nhwc);
        ulong x = device.Upload(new float[160]), w = device.Upload(new float[216]), y = device.Alloc(s.OutputCount), workspace = device.Alloc(4096);
        int Run(nuint bytes)
        {
            float one = 1, zero = 0;
            return CuLib.cudnnConvolutionForward(s.Dnn, &one, s.X, x, s.Filter, w, s.Convolution, PrecomputedGemm, workspace, bytes, &zero, s.Y, y);
        }

        device.Ok(CuLib.cudnnGetConvolutionForwardWorkspaceSize(s.Dnn, s.X, s.Filter, s.Convolution, s.Y, PrecomputedGemm, out nuint fma));
        device.Ok(Run(fma));
        Assert.Equal(BadParam, Run(fma - 1));
        Assert.Contains($"a workspace of {fma - 1} bytes, {fma} are needed", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        device.Ok(CuLib.cudnnSetConvolutionMathType(s.Convolution, 0));
        device.Ok(CuLib.cudnnGetConvolutionForwardWorkspaceSize(s.Dnn, s.X, s.Filter, s.Convolution, s.Y, PrecomputedGemm, out nuint byDefault));
        Assert.NotEqual(fma, byDefault);
    }

    [Fact]
    public void Default_math_rounds_floats_to_ten_bits_and_fma_math_does_not()
    {
        using var device = new EmulatedDevice(emulator);
        using var s = new Setup(device, Nhwc);
        float one = 1, zero = 0, fine = 1 + 1 / 4096f;
        float[] w = new float[216];
        w[4 * Setup.C] = 1; // the filter's centre, of the first channels
        ulong x = device.Upload([.. Enumerable.Repeat(fine, 160)]), dw = device.Upload(w), y = device.Alloc(s.OutputCount);
        foreach (var (math, value) in new[] { (Fma, fine), (0, 1f) })
        {
            device.Ok(CuLib.cudnnSetConvolutionMathType(s.Convolution, math));
            device.Ok(CuLib.cudnnConvolutionForward(s.Dnn, &one, s.X, x, s.Filter, dw, s.Convolution, 0, 0, 0, &zero, s.Y, y));
            Assert.Equal(value, device.Download(y, 1)[0]);
        }
    }

    [Fact]
    public void Wrong_descriptors_are_refused_with_the_reason()
    {
        using var device = new EmulatedDevice(emulator);
        using var s = new Setup(device, Nhwc);
        ulong x = device.Upload(new float[160]), w = device.Upload(new float[216]), y = device.Alloc(s.OutputCount);
        int Run(int algorithm = 0, nint? tensor = null)
        {
            float one = 1, zero = 0;
            return CuLib.cudnnConvolutionForward(s.Dnn, &one, tensor ?? s.X, x, s.Filter, w, s.Convolution, algorithm, 0, 0, &zero, s.Y, y);
        }

        void Refused(int expected, string reason, int status)
        {
            Assert.Equal(expected, status);
            Assert.Contains(reason, emulator.LastMessage, StringComparison.Ordinal);
            emulator.ClearReports();
        }

        device.Ok(Run());
        Refused(BadParam, "wants: tensor descriptor, got: filter descriptor", Run(tensor: s.Filter));
        Refused(NotSupported, "algorithm 6 does not take NHWC", Run(algorithm: 6));
        Refused(NotSupported, "algorithm 3 does not exist", Run(algorithm: 3));
        device.Ok(CuLib.cudnnSetTensor4dDescriptor(s.Y, Nhwc, 0, Setup.N, Setup.K, s.P - 1, s.Q));
        Refused(BadParam, "y is 2x6x4x4 float, must be 2x6x5x4", Run());
        device.Ok(CuLib.cudnnSetTensor4dDescriptor(s.Y, Nhwc, 0, Setup.N, Setup.K, s.P, s.Q));
        device.Ok(CuLib.cudnnSetFilter4dDescriptor(s.Filter, 0, Nchw, Setup.K, Setup.C, Setup.R, Setup.R));
        Refused(NotSupported, "the filter is NCHW (KCRS), x is NHWC", Run());
        device.Ok(CuLib.cudnnSetFilter4dDescriptor(s.Filter, 0, Nhwc, Setup.K, 3, Setup.R, Setup.R));
        Refused(BadParam, "x has 4 channels, the filter takes 3", Run());
        device.Ok(CuLib.cudnnCreateTensorDescriptor(out nint unset));
        Refused(BadParam, "was created, but never set", Run(tensor: unset));
        device.Ok(CuLib.cudnnDestroyTensorDescriptor(unset));
        Refused(BadParam, "was destroyed before", Run(tensor: unset));
    }

    [Fact]
    public void The_list_of_algorithms_changes_its_order_by_seed_and_holds_some_that_do_not_work()
    {
        using var device = new EmulatedDevice(emulator);
        using var s = new Setup(device, Nchw);
        byte* results = stackalloc byte[8 * 48];
        var orders = new HashSet<string>();
        for (ulong seed = 1; seed <= 5; seed++)
        {
            emulator.Seed = seed;
            device.Ok(CuLib.cudnnGetConvolutionForwardAlgorithm_v7(s.Dnn, s.X, s.Filter, s.Convolution, s.Y, 8, out int given, results));
            var entries = new (int Algorithm, int Status, ulong Memory)[given];
            for (int i = 0; i < given; i++)
                entries[i] = (*(int*)(results + i * 48), *(int*)(results + i * 48 + 4), *(ulong*)(results + i * 48 + 16));
            Assert.Contains(entries, e => e.Status == NotSupported);
            Assert.Contains(entries, e => e is { Status: 0, Memory: > 1UL << 40 });
            Assert.Contains(entries, e => e is { Status: 0, Memory: < 1UL << 20 });
            orders.Add(string.Join(' ', entries.Select(e => e.Algorithm)));
        }
        Assert.True(orders.Count > 1);
    }

    [Fact]
    public void Batch_normalisation_saves_the_inverse_deviation_and_keeps_an_unbiased_running_variance()
    {
        using var device = new EmulatedDevice(emulator);
        device.Ok(CuLib.cudnnCreate(out nint dnn));
        device.Ok(CuLib.cudnnCreateTensorDescriptor(out nint x));
        device.Ok(CuLib.cudnnCreateTensorDescriptor(out nint statistics));
        device.Ok(CuLib.cudnnSetTensor4dDescriptor(x, Nhwc, 0, 4, 1, 1, 1));
        device.Ok(CuLib.cudnnDeriveBNTensorDescriptor(statistics, x, 1));
        ulong values = device.Upload(1, 3, 5, 7), y = device.Alloc(4), scale = device.Upload(2), bias = device.Upload(1), mean = device.Upload(0), variance = device.Upload(1);
        ulong savedMean = device.Alloc(1), savedInverse = device.Alloc(1), dy = device.Upload(1, 0, 0, 0), dx = device.Alloc(4), dScale = device.Alloc(1), dBias = device.Alloc(1);
        float one = 1, zero = 0;
        const double epsilon = 4; // biased variance 5, so the deviation is 3
        device.Ok(CuLib.cudnnBatchNormalizationForwardTraining(dnn, 1, &one, &zero, x, values, x, y, statistics, scale, bias, 0.25, mean, variance, epsilon, savedMean, savedInverse));
        device.Ok(CuLib.cudnnBatchNormalizationBackward(dnn, 1, &one, &zero, &one, &zero, x, values, x, dy, x, dx, statistics, scale, dScale, dBias, epsilon, savedMean, savedInverse));
        Assert.Equal([-1f, 1 / 3f, 5 / 3f, 3], device.Download(y, 4));
        Assert.Equal([4f], device.Download(savedMean, 1));
        Assert.Equal([1 / 3f], device.Download(savedInverse, 1));
        Assert.Equal([1f], device.Download(mean, 1));
        Assert.Equal([(float)(0.75 + 0.25 * 20 / 3)], device.Download(variance, 1));
        Assert.Equal([-1f], device.Download(dScale, 1));
        Assert.Equal([1f], device.Download(dBias, 1));
        Assert.Equal(0, device.Download(dx, 4).Sum(), 1e-6); // a shift of x changes nothing; float sums of four numbers near 1
        ulong persistent = device.Alloc(4);
        device.Ok(CuLib.cudnnBatchNormalizationBackward(dnn, 2, &one, &zero, &one, &zero, x, values, x, dy, x, persistent, statistics, scale, dScale, dBias, epsilon, savedMean, savedInverse));
        Assert.Equal(device.Download(dx, 4), device.Download(persistent, 4));
        emulator.AssertNoFindings();
        Assert.Equal(BadParam, CuLib.cudnnBatchNormalizationBackward(dnn, 1, &one, &zero, &one, &zero, x, values, x, dy, x, dx, statistics, scale, dScale, dBias, epsilon, savedMean, 0));
        Assert.Contains("come both or not at all", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        device.Ok(CuLib.cudnnCreateTensorDescriptor(out nint half));
        device.Ok(CuLib.cudnnSetTensor4dDescriptor(half, Nhwc, 2, 4, 1, 1, 1));
        Assert.Equal(BadParam, CuLib.cudnnBatchNormalizationBackward(dnn, 1, &one, &zero, &one, &zero, x, values, half, dy, x, dx, statistics, scale, dScale, dBias, epsilon, savedMean, savedInverse));
        Assert.Contains("dy is 4x1x1x1 half", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        device.Ok(CuLib.cudnnDestroyTensorDescriptor(half));
        device.Ok(CuLib.cudnnDestroyTensorDescriptor(x));
        device.Ok(CuLib.cudnnDestroyTensorDescriptor(statistics));
        device.Ok(CuLib.cudnnDestroy(dnn));
        emulator.AssertNoFindings();
    }

    [Fact]
    public void Softmax_over_channels_and_a_broadcast_sum_are_right()
    {
        using var device = new EmulatedDevice(emulator);
        device.Ok(CuLib.cudnnCreate(out nint dnn));
        device.Ok(CuLib.cudnnCreateTensorDescriptor(out nint rows));
        device.Ok(CuLib.cudnnCreateTensorDescriptor(out nint row));
        device.Ok(CuLib.cudnnSetTensor4dDescriptor(rows, Nchw, 0, 2, 3, 1, 1));
        device.Ok(CuLib.cudnnSetTensor4dDescriptor(row, Nchw, 0, 1, 3, 1, 1));
        ulong x = device.Upload(1000, 1000, 1000, 0, 0, float.NegativeInfinity), bias = device.Upload(1, 2, 3), y = device.Alloc(6);
        float one = 1, zero = 0;
        device.Ok(CuLib.cudnnSoftmaxForward(dnn, 1, 0, &one, rows, x, &zero, rows, y)); // over all of an image, which is a row here
        Assert.Equal([1 / 3f, 1 / 3f, 1 / 3f, 0.5f, 0.5f, 0], device.Download(y, 6));
        device.Ok(CuLib.cudnnSoftmaxForward(dnn, 1, 1, &one, rows, x, &zero, rows, y));
        device.Ok(CuLib.cudnnAddTensor(dnn, &one, row, bias, &one, rows, y));
        Assert.Equal([1 / 3f + 1, 1 / 3f + 2, 1 / 3f + 3, 1.5f, 2.5f, 3], device.Download(y, 6));
        Assert.Equal(BadParam, CuLib.cudnnAddTensor(dnn, &one, rows, y, &one, row, bias));
        Assert.Contains("sizes of A are those of C or 1", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        device.Ok(CuLib.cudnnDestroyTensorDescriptor(rows));
        device.Ok(CuLib.cudnnDestroyTensorDescriptor(row));
        device.Ok(CuLib.cudnnDestroy(dnn));
    }
}
