using Xunit;

namespace Graft.Tests.CudaEmulator;

/// <summary>cuDNN's activations, dropout, sums, reductions and fused calls on the emulator, on numbers worked by hand.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed unsafe class CudnnPointwiseTests(CudaEmulator emulator)
{
    private const int BadParam = 2000, NotSupported = 3000, Nhwc = 1;

    /// <summary>A device, a handle, and descriptors that are destroyed at the end; then there must be no finding.</summary>
    private sealed class Setup : IDisposable
    {
        private readonly CudaEmulator _emulator;
        private readonly List<Action> _ends = [];

        public Setup(CudaEmulator emulator, bool isChecked = false)
        {
            _emulator = emulator;
            Device = new EmulatedDevice(emulator, isChecked, nameof(CudnnPointwiseTests));
            Device.Ok(CuLib.cudnnCreate(out nint handle));
            Dnn = handle;
            _ends.Add(() => Device.Ok(CuLib.cudnnDestroy(Dnn)));
        }

        public EmulatedDevice Device { get; }
        public nint Dnn { get; }

        public nint Tensor(int n, int c, int h = 1, int w = 1)
        {
            Device.Ok(CuLib.cudnnCreateTensorDescriptor(out nint desc));
            Device.Ok(CuLib.cudnnSetTensor4dDescriptor(desc, Nhwc, 0, n, c, h, w));
            _ends.Add(() => Device.Ok(CuLib.cudnnDestroyTensorDescriptor(desc)));
            return desc;
        }

        public nint Activation(int mode, double coefficient = 0)
        {
            Device.Ok(CuLib.cudnnCreateActivationDescriptor(out nint desc));
            Device.Ok(CuLib.cudnnSetActivationDescriptor(desc, mode, 0, coefficient));
            _ends.Add(() => Device.Ok(CuLib.cudnnDestroyActivationDescriptor(desc)));
            return desc;
        }

        public void Dispose()
        {
            _ends.Reverse();
            _ends.ForEach(end => end());
            Device.Dispose();
            _emulator.AssertNoFindings();
        }
    }

    [Theory]
    [InlineData(1, 0, new[] { 0f, 0, 0, 2 }, new[] { 0f, 0, 0, 1 })] // ReLU
    [InlineData(3, 1.5, new[] { 0f, 0, 0, 1.5f }, new[] { 0f, 0, 0, 0 })] // clipped at 1.5
    [InlineData(4, 1, new[] { -0.86466472f, -0.63212056f, 0, 2 }, new[] { 0.13533528f, 0.36787944f, 1, 1 })] // ELU: its slope is y + alpha below 0
    [InlineData(0, 0, new[] { 0.11920292f, 0.26894142f, 0.5f, 0.88079708f }, new[] { 0.10499359f, 0.19661193f, 0.25f, 0.10499359f })] // sigmoid
    [InlineData(2, 0, new[] { -0.96402758f, -0.76159416f, 0, 0.96402758f }, new[] { 0.07065082f, 0.41997434f, 1, 0.07065082f })] // tanh
    public void Activations_and_their_slopes(int mode, double coefficient, float[] expected, float[] slopes)
    {
        using var s = new Setup(emulator);
        nint t = s.Tensor(1, 4), activation = s.Activation(mode, coefficient);
        ulong x = s.Device.Upload(-2, -1, 0, 2), y = s.Device.Alloc(4), dy = s.Device.Upload(1, 1, 1, 1), dx = s.Device.Alloc(4);
        float one = 1, zero = 0;
        s.Device.Ok(CuLib.cudnnActivationForward(s.Dnn, activation, &one, t, x, &zero, t, y));
        s.Device.Ok(CuLib.cudnnActivationBackward(s.Dnn, activation, &one, t, y, t, dy, t, x, &zero, t, dx));
        float[] found = s.Device.Download(y, 4), gradient = s.Device.Download(dx, 4);
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(expected[i], found[i], 1e-6f);
            if (mode != 4 || i != 2) // ELU has a kink at 0
                Assert.Equal(slopes[i], gradient[i], 1e-6f);
        }
    }

    [Fact]
    public void Identity_is_for_the_fused_call_alone()
    {
        using var s = new Setup(emulator);
        nint t = s.Tensor(1, 4);
        float one = 1, zero = 0;
        ulong x = s.Device.Upload(1, 2, 3, 4);
        Assert.Equal(BadParam, CuLib.cudnnActivationForward(s.Dnn, s.Activation(5), &one, t, x, &zero, t, x));
        Assert.Contains("identity is for", s.Device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Fact]
    public void Convolution_bias_and_activation_in_one_call_and_the_gradient_of_the_bias()
    {
        using var s = new Setup(emulator);
        nint x = s.Tensor(1, 1, 1, 3), y = s.Tensor(1, 2, 1, 3), bias = s.Tensor(1, 2), relu = s.Activation(1), identity = s.Activation(5);
        s.Device.Ok(CuLib.cudnnCreateFilterDescriptor(out nint filter));
        s.Device.Ok(CuLib.cudnnSetFilter4dDescriptor(filter, 0, Nhwc, 2, 1, 1, 1));
        s.Device.Ok(CuLib.cudnnCreateConvolutionDescriptor(out nint convolution));
        s.Device.Ok(CuLib.cudnnSetConvolution2dDescriptor(convolution, 0, 0, 1, 1, 1, 1, 1, 0));
        ulong dx = s.Device.Upload(1, 2, 3), dw = s.Device.Upload(1, -1), db = s.Device.Upload(-2, 2), z = s.Device.Upload(0, 0, 0, 10, 0, 0), dy = s.Device.Alloc(6), sums = s.Device.Alloc(2);
        ulong workspace = s.Device.Alloc(1024);
        float one = 1, zero = 0;
        s.Device.Ok(CuLib.cudnnConvolutionBiasActivationForward(s.Dnn, &one, x, dx, filter, dw, convolution, 0, 0, 0, &one, y, z, bias, db, relu, y, dy));
        Assert.Equal([0f, 1, 0, 10, 1, 0], s.Device.Download(dy, 6)); // pixel by pixel: x - 2 + z and 2 - x + z, not below 0
        Assert.Equal(NotSupported, CuLib.cudnnConvolutionBiasActivationForward(s.Dnn, &one, x, dx, filter, dw, convolution, 0, 0, 0, &zero, y, dy, bias, db, identity, y, dy));
        Assert.Contains("identity goes with algorithm 1 alone", emulator.LastMessage, StringComparison.Ordinal);
        s.Device.Ok(CuLib.cudnnConvolutionBiasActivationForward(s.Dnn, &one, x, dx, filter, dw, convolution, 1, workspace, 4096, &zero, y, dy, bias, db, identity, y, dy));
        Assert.Equal([-1f, 1, 0, 0, 1, -1], s.Device.Download(dy, 6));
        s.Device.Ok(CuLib.cudnnConvolutionBackwardBias(s.Dnn, &one, y, dy, &zero, bias, sums));
        Assert.Equal([0f, 0], s.Device.Download(sums, 2));

        byte* results = stackalloc byte[8 * 48];
        s.Device.Ok(CuLib.cudnnFindConvolutionForwardAlgorithmEx(s.Dnn, x, dx, filter, dw, convolution, y, dy, 8, out int given, results, workspace, 4096));
        Assert.Equal(8, given);
        Assert.All(s.Device.Download(dy, 6), v => Assert.True(float.IsNaN(v))); // it overwrites y
        s.Device.Ok(CuLib.cudnnDestroyConvolutionDescriptor(convolution));
        s.Device.Ok(CuLib.cudnnDestroyFilterDescriptor(filter));
    }

    [Fact]
    public void Dropout_scales_what_it_keeps_and_backward_drops_the_same()
    {
        using var s = new Setup(emulator);
        const int count = 4000;
        nint t = s.Tensor(4, 1000);
        s.Device.Ok(CuLib.cudnnDropoutGetStatesSize(s.Dnn, out nuint stateBytes));
        s.Device.Ok(CuLib.cudnnDropoutGetReserveSpaceSize(t, out nuint reserveBytes));
        ulong states = s.Device.Alloc((int)(stateBytes + 3) / 4), reserve = s.Device.Alloc((int)(reserveBytes + 3) / 4);
        s.Device.Ok(CuLib.cudnnCreateDropoutDescriptor(out nint dropout));
        Assert.Equal(BadParam, CuLib.cudnnSetDropoutDescriptor(dropout, s.Dnn, 0.25f, states, stateBytes - 1, 1));
        emulator.ClearReports();
        s.Device.Ok(CuLib.cudnnSetDropoutDescriptor(dropout, s.Dnn, 0.25f, states, stateBytes, 1));
        ulong x = s.Device.Upload([.. Enumerable.Repeat(3f, count)]), y = s.Device.Alloc(count), again = s.Device.Alloc(count), dx = s.Device.Alloc(count);
        s.Device.Ok(CuLib.cudnnDropoutForward(s.Dnn, dropout, t, x, t, again, reserve, reserveBytes));
        s.Device.Ok(CuLib.cudnnDropoutForward(s.Dnn, dropout, t, x, t, y, reserve, reserveBytes));
        s.Device.Ok(CuLib.cudnnDropoutBackward(s.Dnn, dropout, t, x, t, dx, reserve, reserveBytes));
        float[] forward = s.Device.Download(y, count);
        Assert.All(forward, v => Assert.True(v is 0 or 4)); // 3 / (1 - 0.25)
        Assert.InRange(forward.Count(v => v == 0), 850, 1150); // a quarter of 4000; five standard deviations are 137
        Assert.Equal(forward, s.Device.Download(dx, count));
        Assert.NotEqual(forward, s.Device.Download(again, count)); // each call draws a new mask
        s.Device.Ok(CuLib.cudnnDestroyDropoutDescriptor(dropout));
    }

    [Theory]
    [InlineData(0, new[] { 6f, -3 })] // sum
    [InlineData(3, new[] { 3f, 0 })] // maximum
    [InlineData(5, new[] { 2f, -1 })] // average
    [InlineData(7, new[] { 3.7416575f, 2.236068f })] // 2-norm
    public void Reductions(int op, float[] expected)
    {
        using var s = new Setup(emulator);
        nint a = s.Tensor(2, 3), c = s.Tensor(2, 1);
        s.Device.Ok(CuLib.cudnnCreateReduceTensorDescriptor(out nint reduce));
        s.Device.Ok(CuLib.cudnnSetReduceTensorDescriptor(reduce, op, 0, 0, 0, 0));
        s.Device.Ok(CuLib.cudnnGetReductionWorkspaceSize(s.Dnn, reduce, a, c, out nuint bytes));
        ulong x = s.Device.Upload(1, 2, 3, 0, -1, -2), y = s.Device.Alloc(2), workspace = s.Device.Alloc(1024);
        float one = 1, zero = 0;
        s.Device.Ok(CuLib.cudnnReduceTensor(s.Dnn, reduce, 0, 0, workspace, bytes, &one, a, x, &zero, c, y));
        Assert.Equal(expected, s.Device.Download(y, 2));
        Assert.Equal(BadParam, CuLib.cudnnReduceTensor(s.Dnn, reduce, 0, 0, workspace, bytes - 1, &one, a, x, &zero, c, y));
        emulator.ClearReports();
        s.Device.Ok(CuLib.cudnnDestroyReduceTensorDescriptor(reduce));
    }

    [Fact]
    public void Pointwise_operations_softmax_backward_and_normalisation_by_stored_statistics()
    {
        using var s = new Setup(emulator, isChecked: true);
        nint rows = s.Tensor(2, 2), row = s.Tensor(1, 2);
        s.Device.Ok(CuLib.cudnnCreateOpTensorDescriptor(out nint multiply));
        s.Device.Ok(CuLib.cudnnSetOpTensorDescriptor(multiply, 1, 0, 0));
        float one = 1, zero = 0, half = 0.5f;
        ulong x = s.Device.Upload(1, 2, 3, 4), w = s.Device.Upload(10, 100), y = s.Device.Alloc(4);
        s.Device.Ok(CuLib.cudnnOpTensor(s.Dnn, multiply, &half, rows, x, &one, row, w, &zero, rows, y));
        Assert.Equal([5f, 100, 15, 200], s.Device.Download(y, 4));
        s.Device.Ok(CuLib.cudnnDestroyOpTensorDescriptor(multiply));

        ulong p = s.Device.Upload(0.5f, 0.5f, 0.25f, 0.75f), dy = s.Device.Upload(1, 0, 4, 8), dx = s.Device.Alloc(4);
        s.Device.Ok(CuLib.cudnnSoftmaxBackward(s.Dnn, 1, 1, &one, rows, p, rows, dy, &zero, rows, dx));
        Assert.Equal([0.25f, -0.25f, -0.75f, 0.75f], s.Device.Download(dx, 4)); // p (dy - sum(p dy))

        ulong scale = s.Device.Upload(2, 1), bias = s.Device.Upload(0, 5), mean = s.Device.Upload(1, 4), variance = s.Device.Upload(3, 15);
        s.Device.Ok(CuLib.cudnnBatchNormalizationForwardInference(s.Dnn, 1, &one, &zero, rows, x, rows, y, row, scale, bias, mean, variance, 1));
        Assert.Equal([0f, 4.5f, 2, 5], s.Device.Download(y, 4));
    }
}
