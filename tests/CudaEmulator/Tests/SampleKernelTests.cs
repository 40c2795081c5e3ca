using System.Runtime.InteropServices;
using Graft.Tests.House;
using Xunit;

namespace Graft.Tests.CudaEmulator;

/// <summary>The kernels of Samples.cu, plain and checked, whatever the order of threads.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed unsafe class SampleKernelTests(CudaEmulator emulator)
{
    private static string Source => File.ReadAllText(Path.Combine(HouseTests.Root, "tests", "CudaEmulator", "Tests", "Samples.cu"));

    public static TheoryData<bool, int> Ways => [.. from isChecked in new[] { false, true } from order in new[] { 0, 1, 2 } select (isChecked, order)];

    private EmulatedDevice Device(bool isChecked, int order)
    {
        var device = new EmulatedDevice(emulator, isChecked);
        emulator.ThreadOrder = (EmulatorThreadOrder)order;
        return device;
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Sums_of_rows(bool isChecked, int order)
    {
        using EmulatedDevice device = Device(isChecked, order);
        float[] x = [.. Enumerable.Range(0, 3 * 200).Select(i => (float)(i % 17))]; // small whole numbers: every order of sums is exact
        ulong y = device.Alloc(3);
        device.Ok(EmulatedDevice.Run(device.Kernel(Source, "row_sums"), 3, 128, device.Upload(x), y, 200));
        Assert.Equal([.. x.Chunk(200).Select(row => row.Sum())], device.Download(y, 3));
        emulator.AssertNoFindings();
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_product_by_tiles(bool isChecked, int order)
    {
        using EmulatedDevice device = Device(isChecked, order);
        const int m = 5, n = 11, k = 9;
        float[] a = [.. Enumerable.Range(0, m * k).Select(i => (float)(i % 7 - 3))], b = [.. Enumerable.Range(0, k * n).Select(i => (float)(i % 5 - 2))];
        var expected = new float[m * n];
        for (int i = 0; i < m * n; i++)
        {
            for (int x = 0; x < k; x++)
                expected[i] += a[i / n * k + x] * b[x * n + i % n];
        }
        ulong da = device.Upload(a), db = device.Upload(b), dc = device.Alloc(m * n);
        nint kernel = device.Kernel(Source, "tiled_product<8>", isExpression: true);
        int[] sizes = [m, n, k];
        fixed (int* s = sizes)
        {
            void** arguments = stackalloc void*[] { &da, &db, &dc, s, s + 1, s + 2 };
            device.Ok(Cu.cuLaunchKernel(kernel, 2, 1, 1, 8, 8, 1, 0, 0, arguments, null));
        }
        Assert.Equal(expected, device.Download(dc, m * n));
        emulator.AssertNoFindings();
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Dynamic_shared_memory_votes_atomics_and_shuffles(bool isChecked, int order)
    {
        using EmulatedDevice device = Device(isChecked, order);
        float[] numbers = [.. Enumerable.Range(0, 64).Select(i => (float)i)];
        ulong x = device.Upload(numbers);
        device.Ok(EmulatedDevice.Launch(device.Kernel(Source, "reverse"), 1, 64, 0, 256, x, 64));
        Assert.Equal(numbers.Reverse(), device.Download(x, 64));

        int[] values = [.. Enumerable.Range(0, 32).Select(i => i * 5 % 32 - 3)];
        ulong counts = device.Upload(MemoryMarshal.Cast<int, float>([0, -100, 100, 0]).ToArray());
        device.Ok(EmulatedDevice.Run(device.Kernel(Source, "tally"), 1, 32, device.Upload(MemoryMarshal.Cast<int, float>(values).ToArray()), counts));
        Assert.Equal([32, values.Max(), values.Min(), values.Count(v => (v & 1) != 0)], MemoryMarshal.Cast<float, int>(device.Download(counts, 4)).ToArray());

        float[] quadruples = [.. Enumerable.Range(0, 128).Select(i => (float)(i / 4 * (i % 4 + 1)))]; // lane i holds i, 2i, 3i, 4i
        ulong y = device.Alloc(64);
        device.Ok(EmulatedDevice.Run(device.Kernel(Source, "shuffles"), 1, 32, device.Upload(quadruples), y));
        double[] expected = [.. Enumerable.Range(0, 32).Select(i => 2.0 * Math.Max(i - 1, 0) + 3 * Math.Min(i + 1, 31) + 4 * (i ^ 1) + 4 * (i / 8 * 8 + 3))];
        Assert.Equal(expected, MemoryMarshal.Cast<float, double>(device.Download(y, 64)).ToArray());
        emulator.AssertNoFindings();
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Functions_that_are_built_in(bool isChecked, int order)
    {
        using EmulatedDevice device = Device(isChecked, order);
        ulong y = device.Alloc(1);
        device.Ok(EmulatedDevice.Run(device.Kernel(Source, "functions"), 1, 1, device.Upload(0), y));
        Assert.Equal([1 + 0 + 0 + 0 + 1 + 0.5f + 2 + 0 + 0], device.Download(y, 1));
        emulator.AssertNoFindings();
    }
}
