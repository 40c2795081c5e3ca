using Xunit;

namespace Graft.Tests.CudaEmulator;

/// <summary>Device memory of the emulator: what it refuses, what it reports, what it counts.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed unsafe class MemoryTests(CudaEmulator emulator)
{
    private const int InvalidValue = 1, OutOfMemory = 2, IllegalAddress = 700;

    private const string Kernels = """
        extern "C" __global__ void fill(float* x, float v) { x[threadIdx.x] = v; }
        """;

    [Fact]
    public void A_double_free_a_free_of_the_middle_and_a_foreign_pointer_are_refused()
    {
        using var device = new EmulatedDevice(emulator);
        ulong x = device.Alloc(4);
        Assert.Equal(InvalidValue, Cu.cuMemFree_v2(x + 4));
        device.Ok(device.Free(x));
        Assert.Equal(InvalidValue, Cu.cuMemFree_v2(x));
        float local;
        Assert.Equal(InvalidValue, Cu.cuMemFree_v2((ulong)&local));
        Assert.Collection(emulator.Findings,
            f => Assert.Contains("not the start of an allocation", f, StringComparison.Ordinal),
            f => Assert.Contains("was freed before", f, StringComparison.Ordinal),
            f => Assert.Contains("a host pointer?", f, StringComparison.Ordinal));
        emulator.ClearReports();
    }

    [Fact]
    public void A_host_pointer_where_the_device_wants_one_of_its_own_is_refused_and_the_reverse()
    {
        using var device = new EmulatedDevice(emulator);
        float[] host = [1];
        ulong x = device.Upload(1);
        fixed (float* h = host)
        {
            Assert.Equal(InvalidValue, EmulatedDevice.Launch(device.Kernel(Kernels, "fill"), 1, 1, 0, 0, (ulong)h, 1f));
            Assert.Equal(InvalidValue, Cu.cuMemcpyHtoD_v2((ulong)h, h, 4));
            Assert.Equal(InvalidValue, Cu.cuMemcpyHtoD_v2(x, (void*)x, 4));
        }
        Assert.Equal(3, emulator.Findings.Count);
        emulator.ClearReports();
    }

    [Fact]
    public void A_copy_longer_than_its_buffer_is_refused()
    {
        using var device = new EmulatedDevice(emulator);
        ulong x = device.Alloc(2);
        float* host = stackalloc float[3];
        Assert.Equal(InvalidValue, Cu.cuMemcpyDtoH_v2(host, x, 12));
        Assert.Contains("12 bytes from offset 0 of allocation", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Fact]
    public void A_use_after_free_faults_and_names_the_allocation()
    {
        using var device = new EmulatedDevice(emulator);
        nint fill = device.Kernel(Kernels, "fill");
        ulong x = device.Alloc(64);
        nint stream = device.NewStream();
        device.Ok(Cu.cuStreamBeginCapture_v2(stream, 1));
        device.Ok(EmulatedDevice.Launch(fill, 1, 64, stream, 0, x, 1f));
        device.Ok(Cu.cuStreamEndCapture(stream, out nint graph));
        device.Ok(Cu.cuGraphInstantiateWithFlags(out nint executable, graph, 0));
        device.Ok(device.Free(x));
        device.Ok(Cu.cuGraphLaunch(executable, stream));
        Assert.Equal(IllegalAddress, Cu.cuStreamSynchronize(stream));
        Assert.Contains("which is freed", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Fact]
    public void A_write_into_the_padding_is_found_when_the_memory_is_freed()
    {
        using var device = new EmulatedDevice(emulator);
        ulong x = device.Alloc(2); // 8 bytes of 256
        device.Ok(EmulatedDevice.Run(device.Kernel(Kernels, "fill"), 1, 3, x, 1f));
        device.Ok(device.Free(x));
        Assert.Contains("outside allocation", device.Finding, StringComparison.Ordinal);
        Assert.Contains("at offset 8", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Fact]
    public void Tight_allocations_fault_at_the_first_byte_beyond_sixteen()
    {
        using var device = new EmulatedDevice(emulator);
        emulator.Tight = true;
        ulong x = device.Alloc(4);
        Assert.Equal(IllegalAddress, EmulatedDevice.Run(device.Kernel(Kernels, "fill"), 1, 5, x, 1f));
        Assert.Contains("offset 16 of allocation", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Fact]
    public void Faithful_allocations_are_aligned_as_on_hardware()
    {
        using var device = new EmulatedDevice(emulator);
        Assert.All(Enumerable.Range(1, 50), n => Assert.Equal(0UL, device.Alloc(n) % 256));
    }

    [Fact]
    public void What_is_not_given_back_is_reported_with_its_maker()
    {
        using (new EmulatedDevice(emulator))
        {
            emulator.Label("the careless part");
            Assert.Equal(0, Cu.cuMemAlloc_v2(out _, 400));
            Assert.Equal(0, Cu.cuEventCreate(out _, 0));
            Assert.Equal(0, Cu.cuMemHostAlloc(out nint host, 64, 0));
            emulator.Label("");
            Assert.Equal(0, Cu.cuMemFreeHost(host));
        }
        Assert.Collection(emulator.Findings,
            f => Assert.Matches("leak: allocation #.* of 400 bytes, made by the careless part", f),
            f => Assert.Contains("leak: event, made by the careless part", f, StringComparison.Ordinal));
        emulator.ClearReports();
    }

    [Fact]
    public void Memory_has_an_end_and_counters_tell_how_much_is_used()
    {
        using var device = new EmulatedDevice(emulator);
        emulator.Configure("memory", 1 << 20);
        ulong before = emulator.Counter("bytes_live");
        ulong x = device.Alloc(1000);
        Assert.Equal(before + 4000, emulator.Counter("bytes_live"));
        Assert.Equal(OutOfMemory, Cu.cuMemAlloc_v2(out _, 1 << 20));
        device.Ok(device.Free(x));
        Assert.Equal(before, emulator.Counter("bytes_live"));
        Assert.Equal(before + 4000, emulator.Counter("bytes_peak"));
        emulator.AssertNoFindings();
    }

    [Fact]
    public void A_call_without_a_current_context_is_refused()
    {
        using var device = new EmulatedDevice(emulator);
        int status = 0;
        var other = new Thread(() => status = Cu.cuMemAlloc_v2(out _, 4));
        other.Start();
        other.Join();
        Assert.Equal(201, status);
        Assert.Contains("cuCtxSetCurrent", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Theory]
    [InlineData("allocation", 2)]
    [InlineData("launch", 719)]
    [InlineData("copy", 999)]
    public void The_nth_call_fails_on_order_and_no_other(string kind, int status)
    {
        using var device = new EmulatedDevice(emulator);
        nint fill = device.Kernel(Kernels, "fill");
        ulong x = device.Alloc(4);
        int Call()
        {
            float value = 1;
            switch (kind)
            {
                case "launch": return EmulatedDevice.Run(fill, 1, 4, x, 1f);
                case "copy": return Cu.cuMemcpyHtoD_v2(x, &value, 4);
                default:
                    int answer = Cu.cuMemAlloc_v2(out ulong address, 4);
                    if (answer == 0)
                        device.Ok(Cu.cuMemFree_v2(address));
                    return answer;
            }
        }
        emulator.Inject(kind, 2, status);
        Assert.Equal([0, status, 0], [Call(), Call(), Call()]);
        emulator.AssertNoFindings(); // an ordered failure is no mistake
    }
}
