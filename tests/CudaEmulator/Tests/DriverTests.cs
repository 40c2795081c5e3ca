using System.Runtime.InteropServices;
using Xunit;

namespace Graft.Tests.CudaEmulator;

/// <summary>The smaller calls of the emulated driver: queries, fills, copies of rows, the pool, updates of graphs.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed unsafe class DriverTests(CudaEmulator emulator)
{
    private const int InvalidValue = 1, InvalidHandle = 400, UpdateFailure = 910;

    private const string Kernels = """
        extern "C" __global__ void fill(float* x, float v) { x[threadIdx.x] = v; }
        extern "C" __global__ void other(float* x, float v) { x[threadIdx.x] = -v; }
        """;

    [Fact]
    public void Fills_write_elements_of_one_two_and_four_bytes()
    {
        using var device = new EmulatedDevice(emulator);
        ulong x = device.Alloc(4);
        device.Ok(Cu.cuMemsetD32Async(x, 0x3f800000, 4, 0));
        device.Ok(Cu.cuMemsetD8Async(x, 0, 4, 0));
        device.Ok(Cu.cuMemsetD16Async(x + 6, 0x4000, 1, 0));
        Assert.Equal([0f, 2, 1, 1], device.Download(x, 4));
        Assert.Equal(InvalidValue, Cu.cuMemsetD32Async(x + 2, 0, 1, 0));
        Assert.Contains("is not a multiple of 4", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Fact]
    public void Rows_are_copied_with_the_pitch_of_each_side()
    {
        using var device = new EmulatedDevice(emulator);
        ulong x = device.Upload(1, 2, 3, 4, 5, 6, 7, 8), y = device.Upload(new float[6]);
        nuint* copy = stackalloc nuint[16]; // CUDA_MEMCPY2D in words of 8 bytes
        new Span<nuint>(copy, 16).Clear();
        (copy[0], copy[1]) = (4, 0); // one float into the first row
        (copy[2], copy[4], copy[6]) = (2, (nuint)x, 16); // device, rows of 4 floats
        (copy[9], copy[11], copy[13]) = (2, (nuint)y, 12); // device, rows of 3
        (copy[14], copy[15]) = (8, 2);
        device.Ok(Cu.cuMemcpy2DAsync_v2(copy, 0));
        Assert.Equal([2f, 3, 0, 6, 7, 0], device.Download(y, 6));
        copy[14] = 13; // wider than the target's pitch
        Assert.Equal(InvalidValue, Cu.cuMemcpy2DAsync_v2(copy, 0));
        Assert.Contains("only 12 bytes apart", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Fact]
    public void Pointers_tell_where_they_belong()
    {
        using var device = new EmulatedDevice(emulator);
        ulong x = device.Alloc(8), start;
        nuint size;
        int type;
        device.Ok(Cu.cuPointerGetAttribute(&start, 11, x + 12));
        device.Ok(Cu.cuPointerGetAttribute(&size, 12, x + 12));
        device.Ok(Cu.cuPointerGetAttribute(&type, 2, x));
        Assert.Equal((x, (nuint)32, 2), (start, size, type));
        Assert.Equal(InvalidValue, Cu.cuPointerGetAttribute(&type, 2, (ulong)&type));
        device.Ok(Cu.cuMemGetInfo_v2(out nuint free, out nuint total));
        Assert.Equal(emulator.Counter("bytes_live"), (ulong)(total - free));
    }

    [Fact]
    public void The_device_describes_itself_as_it_is_configured()
    {
        using var device = new EmulatedDevice(emulator);
        emulator.Configure("compute_capability", 86);
        device.Ok(Cu.cuDeviceGetAttribute(out int major, 75, 0));
        device.Ok(Cu.cuDeviceGetAttribute(out int minor, 76, 0));
        device.Ok(Cu.cuDeviceGetAttribute(out int warp, 10, 0));
        Assert.Equal((8, 6, 32), (major, minor, warp));
        device.Ok(Cu.cuGetErrorName(700, out nint name));
        Assert.Equal("CUDA_ERROR_ILLEGAL_ADDRESS", Marshal.PtrToStringUTF8(name));
        Assert.Equal(InvalidValue, Cu.cuGetErrorName(12345, out _));
    }

    [Fact]
    public void Occupancy_follows_threads_and_shared_memory()
    {
        using var device = new EmulatedDevice(emulator);
        nint fill = device.Kernel(Kernels, "fill");
        device.Ok(Cu.cuOccupancyMaxActiveBlocksPerMultiprocessor(out int byThreads, fill, 256, 0));
        device.Ok(Cu.cuOccupancyMaxActiveBlocksPerMultiprocessor(out int byShared, fill, 256, 99 * 1024));
        Assert.Equal((8, 2), (byThreads, byShared));
    }

    [Fact]
    public void The_pool_keeps_its_threshold_and_counts_what_is_used()
    {
        using var device = new EmulatedDevice(emulator);
        nint stream = device.NewStream();
        device.Ok(Cu.cuDeviceGetDefaultMemPool(out nint pool, 0));
        ulong most = ulong.MaxValue, answer;
        device.Ok(Cu.cuMemPoolSetAttribute(pool, 4, &most));
        device.Ok(Cu.cuMemPoolGetAttribute(pool, 4, &answer));
        Assert.Equal(most, answer);
        device.Ok(Cu.cuMemAllocAsync(out ulong x, 400, stream));
        device.Ok(Cu.cuMemPoolGetAttribute(pool, 7, &answer));
        Assert.Equal(400UL, answer);
        device.Ok(Cu.cuMemFreeAsync(x, stream));
        device.Ok(Cu.cuStreamSynchronize(stream));
        device.Ok(Cu.cuMemPoolGetAttribute(pool, 7, &answer));
        Assert.Equal(0UL, answer);
        emulator.AssertNoFindings();
    }

    [Fact]
    public void Memory_that_a_graph_allocates_lives_from_its_node_to_its_free()
    {
        using var device = new EmulatedDevice(emulator);
        nint stream = device.NewStream(), fill = device.Kernel(Kernels, "fill");
        ulong kept = device.Alloc(1), result = device.Alloc(4);
        device.Ok(Cu.cuStreamBeginCapture_v2(stream, 1));
        device.Ok(Cu.cuStreamIsCapturing(stream, out int capturing));
        device.Ok(Cu.cuMemAllocAsync(out ulong x, 16, stream));
        device.Ok(EmulatedDevice.Launch(fill, 1, 4, stream, 0, x, 3f));
        device.Ok(Cu.cuMemcpyDtoDAsync_v2(result, x, 16, stream));
        Assert.Equal(InvalidValue, Cu.cuMemFreeAsync(kept, stream));
        Assert.Contains("was not allocated in it", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        device.Ok(Cu.cuMemFreeAsync(x, stream));
        device.Ok(Cu.cuStreamEndCapture(stream, out nint graph));
        device.Ok(Cu.cuGraphInstantiateWithFlags(out nint executable, graph, 0));
        Assert.Equal(1, capturing);
        for (int i = 0; i < 2; i++)
            device.Ok(Cu.cuGraphLaunch(executable, stream));
        device.Ok(Cu.cuStreamSynchronize(stream));
        Assert.Equal([3f, 3, 3, 3], device.Download(result, 4));
        float* host = stackalloc float[4];
        device.Ok(Cu.cuGraphExecDestroy(executable));
        device.Ok(Cu.cuGraphDestroy(graph));
        Assert.Equal(InvalidValue, Cu.cuMemcpyDtoH_v2(host, x, 16)); // gone with its graph
        emulator.ClearReports();
    }

    [Fact]
    public void A_graph_takes_new_arguments_by_an_update_but_no_other_kernel()
    {
        using var device = new EmulatedDevice(emulator);
        nint stream = device.NewStream();
        nint module = device.Load(EmulatedDevice.TryCompile(Kernels).Image);
        device.Ok(Cu.cuModuleGetFunction(out nint fill, module, "fill"));
        device.Ok(Cu.cuModuleGetFunction(out nint other, module, "other"));
        ulong x = device.Alloc(2);

        nint Capture(nint kernel, float value)
        {
            device.Ok(Cu.cuStreamBeginCapture_v2(stream, 1));
            device.Ok(EmulatedDevice.Launch(kernel, 1, 2, stream, 0, x, value));
            device.Ok(Cu.cuStreamEndCapture(stream, out nint graph));
            return graph;
        }

        nint first = Capture(fill, 1), second = Capture(fill, 2), third = Capture(other, 3);
        long* info = stackalloc long[3];
        device.Ok(Cu.cuGraphInstantiateWithFlags(out nint executable, first, 0));
        device.Ok(Cu.cuGraphExecUpdate_v2(executable, second, info));
        Assert.Equal(UpdateFailure, Cu.cuGraphExecUpdate_v2(executable, third, info));
        Assert.Equal(4, (int)info[0]); // the function changed
        device.Ok(Cu.cuGraphLaunch(executable, stream));
        device.Ok(Cu.cuStreamSynchronize(stream));
        Assert.Equal([2f, 2], device.Download(x, 2));
        foreach (nint graph in new[] { first, second, third })
            device.Ok(Cu.cuGraphDestroy(graph));
        device.Ok(Cu.cuGraphExecDestroy(executable));
        emulator.AssertNoFindings();
    }

    [Fact]
    public void A_destroyed_handle_is_told_from_a_living_one_of_any_kind()
    {
        using var device = new EmulatedDevice(emulator);
        device.Ok(Cu.cuStreamCreate(out nint stream, 1));
        device.Ok(Cu.cuStreamDestroy_v2(stream));
        Assert.Equal(InvalidHandle, Cu.cuStreamSynchronize(stream));
        device.Ok(Cu.cuEventCreate(out nint mark, 0));
        Assert.Equal(InvalidHandle, Cu.cuStreamSynchronize(mark));
        Assert.Collection(emulator.Findings,
            f => Assert.Contains("the stream was destroyed before", f, StringComparison.Ordinal),
            f => Assert.Contains("wants: stream, got: event", f, StringComparison.Ordinal));
        emulator.ClearReports();
        device.Ok(Cu.cuEventDestroy_v2(mark));
    }
}
