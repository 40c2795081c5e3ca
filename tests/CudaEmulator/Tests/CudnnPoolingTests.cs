using Xunit;

namespace Graft.Tests.CudaEmulator;

/// <summary>cuDNN's pooling on the emulator, on numbers worked by hand.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed unsafe class CudnnPoolingTests(CudaEmulator emulator)
{
    private const int BadParam = 2000, Nhwc = 1;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Pooling_takes_the_maximum_or_the_average(bool isMax)
    {
        using var device = new EmulatedDevice(emulator);
        device.Ok(CuLib.cudnnCreate(out nint dnn));
        device.Ok(CuLib.cudnnCreateTensorDescriptor(out nint xDesc));
        device.Ok(CuLib.cudnnCreateTensorDescriptor(out nint yDesc));
        device.Ok(CuLib.cudnnCreatePoolingDescriptor(out nint pooling));
        device.Ok(CuLib.cudnnSetTensor4dDescriptor(xDesc, Nhwc, 0, 1, 1, 4, 4));
        device.Ok(CuLib.cudnnSetTensor4dDescriptor(yDesc, Nhwc, 0, 1, 1, 2, 2));
        device.Ok(CuLib.cudnnSetPooling2dDescriptor(pooling, isMax ? 0 : 1, 0, 2, 2, 0, 0, 2, 2));
        float[] x = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
        ulong dx = device.Upload(x), y = device.Alloc(4), dy = device.Upload(1, 2, 3, 4), gradient = device.Alloc(16);
        float one = 1, zero = 0;
        device.Ok(CuLib.cudnnPoolingForward(dnn, pooling, &one, xDesc, dx, &zero, yDesc, y));
        device.Ok(CuLib.cudnnPoolingBackward(dnn, pooling, &one, yDesc, y, yDesc, dy, xDesc, dx, &zero, xDesc, gradient));
        Assert.Equal(isMax ? [6f, 8, 14, 16] : [3.5f, 5.5f, 11.5f, 13.5f], device.Download(y, 4));
        Assert.Equal(isMax ? [0f, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4] : [.25f, .25f, .5f, .5f, .25f, .25f, .5f, .5f, .75f, .75f, 1, 1, .75f, .75f, 1, 1], device.Download(gradient, 16));
        device.Ok(CuLib.cudnnDestroyPoolingDescriptor(pooling));
        device.Ok(CuLib.cudnnDestroyTensorDescriptor(xDesc));
        device.Ok(CuLib.cudnnDestroyTensorDescriptor(yDesc));
        device.Ok(CuLib.cudnnDestroy(dnn));
        emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData(3, new[] { 5f, 50, 6, 60, 8, 80, 9, 90 }, new[] { 0f, 0, 0, 0, 0, 0, 0, 0, 1, 5, 2, 6, 0, 0, 3, 7, 4, 8 })] // the largest, deterministic
    [InlineData(2, new[] { 3f, 30, 4, 40, 6, 60, 7, 70 }, new[] { .25f, 1.25f, .75f, 2.75f, .5f, 1.5f, 1, 3, 2.5f, 6.5f, 1.5f, 3.5f, .75f, 1.75f, 1.75f, 3.75f, 1, 2 })] // the mean of what lies inside
    [InlineData(1, new[] { 12 / 9f, 120 / 9f, 16 / 9f, 160 / 9f, 24 / 9f, 240 / 9f, 28 / 9f, 280 / 9f }, null)] // of the whole window
    public void Pooling_with_padding_of_channels_that_lie_side_by_side(int mode, float[] expected, float[]? gradient)
    {
        using var device = new EmulatedDevice(emulator, isChecked: true);
        device.Ok(CuLib.cudnnCreate(out nint dnn));
        device.Ok(CuLib.cudnnCreateTensorDescriptor(out nint xDesc));
        device.Ok(CuLib.cudnnCreateTensorDescriptor(out nint yDesc));
        device.Ok(CuLib.cudnnCreatePoolingDescriptor(out nint pooling));
        device.Ok(CuLib.cudnnSetTensor4dDescriptor(xDesc, Nhwc, 0, 1, 2, 3, 3));
        device.Ok(CuLib.cudnnSetTensor4dDescriptor(yDesc, Nhwc, 0, 1, 2, 2, 2));
        device.Ok(CuLib.cudnnSetPooling2dDescriptor(pooling, mode, 1, 3, 3, 1, 1, 2, 2));
        ulong x = device.Upload([.. Enumerable.Range(1, 9).SelectMany(i => new float[] { i, 10 * i })]), y = device.Alloc(8), dy = device.Upload(1, 5, 2, 6, 3, 7, 4, 8), dx = device.Alloc(18);
        float one = 1, zero = 0;
        device.Ok(CuLib.cudnnPoolingForward(dnn, pooling, &one, xDesc, x, &zero, yDesc, y));
        Assert.Equal(expected, device.Download(y, 8), (a, b) => Math.Abs(a - b) <= 1e-5f);
        if (gradient is not null)
        {
            device.Ok(CuLib.cudnnPoolingBackward(dnn, pooling, &one, yDesc, y, yDesc, dy, xDesc, x, &zero, xDesc, dx));
            Assert.Equal(gradient, device.Download(dx, 18));
        }
        emulator.AssertNoFindings();

        Assert.Equal(BadParam, CuLib.cudnnPoolingForward(dnn, pooling, &one, xDesc, x, &zero, xDesc, dx));
        Assert.Contains("y is 1x2x3x3 float for x of 1x2x3x3 float; must be 1x2x2x2", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        Assert.Equal(BadParam, CuLib.cudnnPoolingForward(dnn, pooling, &one, xDesc, x + 2, &zero, yDesc, y));
        Assert.Contains("is not aligned to its elements", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        Assert.Equal(BadParam, CuLib.cudnnPoolingForward(dnn, pooling, &one, xDesc, x, &zero, yDesc, 0));
        Assert.Contains("cudnnPoolingForward, y", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        device.Ok(CuLib.cudnnCreateTensorDescriptor(out nint half));
        device.Ok(CuLib.cudnnSetTensor4dDescriptor(half, Nhwc, 2, 1, 2, 2, 2));
        Assert.Equal(BadParam, CuLib.cudnnPoolingBackward(dnn, pooling, &one, yDesc, y, half, dy, xDesc, x, &zero, xDesc, dx));
        Assert.Contains("dy is 1x2x2x2 half", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        device.Ok(CuLib.cudnnDestroyPoolingDescriptor(pooling));
        foreach (nint desc in new[] { xDesc, yDesc, half })
            device.Ok(CuLib.cudnnDestroyTensorDescriptor(desc));
        device.Ok(CuLib.cudnnDestroy(dnn));
    }
}
