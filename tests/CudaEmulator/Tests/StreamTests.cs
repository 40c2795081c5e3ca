using Xunit;

namespace Graft.Tests.CudaEmulator;

/// <summary>Streams, events, captures and graphs of the emulator.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed unsafe class StreamTests(CudaEmulator emulator)
{
    private const int NotReady = 600, IllegalAddress = 700, CaptureUnsupported = 900, CaptureInvalidated = 901, Unjoined = 904;

    private const string Kernels = """
        extern "C" __global__ void fill(float* x, float v) { x[threadIdx.x] = v; }
        extern "C" __global__ void add(const float* x, float* y) { y[threadIdx.x] += x[threadIdx.x]; }
        """;

    [Fact]
    public void A_result_that_is_read_too_early_is_poison()
    {
        using var device = new EmulatedDevice(emulator);
        nint stream = device.NewStream();
        ulong x = device.Alloc(4);
        device.Ok(EmulatedDevice.Launch(device.Kernel(Kernels, "fill"), 1, 4, stream, 0, x, 2f));
        Assert.All(device.Download(x, 4), v => Assert.True(float.IsNaN(v))); // a non-blocking stream has no order with the copy
        device.Ok(Cu.cuStreamSynchronize(stream));
        Assert.Equal([2f, 2, 2, 2], device.Download(x, 4));
        Assert.Contains("missing synchronisation", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Fact]
    public void An_idle_device_takes_work_and_does_none()
    {
        using var device = new EmulatedDevice(emulator);
        nint stream = device.NewStream();
        ulong x = device.Upload(1, 2, 3, 4);
        nint fill = device.Kernel(Kernels, "fill");
        emulator.Configure("idle", 1);
        emulator.ResetCounters();
        device.Ok(EmulatedDevice.Launch(fill, 1, 4, stream, 0, x, 2f));
        device.Ok(Cu.cuStreamSynchronize(stream));
        Assert.All(device.Download(x, 4), v => Assert.True(float.IsNaN(v))); // poison: copies are not done either
        Assert.Equal(1UL, emulator.Counter("launches"));
        emulator.Configure("idle", 0);
        Assert.Equal([1f, 2, 3, 4], device.Download(x, 4));
        emulator.AssertNoFindings();
    }

    [Fact]
    public void A_blocking_stream_and_the_legacy_stream_wait_for_each_other()
    {
        using var device = new EmulatedDevice(emulator);
        ulong x = device.Alloc(4);
        device.Ok(EmulatedDevice.Launch(device.Kernel(Kernels, "fill"), 1, 4, device.NewStream(nonBlocking: false), 0, x, 2f));
        Assert.Equal([2f, 2, 2, 2], device.Download(x, 4));
        emulator.AssertNoFindings();
    }

    public static TheoryData<int, ulong> Modes => [.. from mode in Enum.GetValues<EmulatorProgress>() from seed in new[] { 1UL, 2UL, 3UL } select ((int)mode, seed)];

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_missing_wait_between_streams_is_found_whatever_the_order(int progress, ulong seed)
    {
        using var device = new EmulatedDevice(emulator);
        emulator.Progress = (EmulatorProgress)progress;
        emulator.Seed = seed;
        nint first = device.NewStream(), second = device.NewStream();
        ulong x = device.Upload(0, 0, 0, 0), y = device.Upload(1, 1, 1, 1);
        device.Ok(EmulatedDevice.Launch(device.Kernel(Kernels, "fill"), 1, 4, first, 0, x, 2f));
        device.Ok(EmulatedDevice.Launch(device.Kernel(Kernels, "add"), 1, 4, second, 0, x, y));
        device.Ok(Cu.cuCtxSynchronize());
        Assert.Contains("missing synchronisation", device.Finding, StringComparison.Ordinal);
        Assert.Contains("kernel fill", device.Finding, StringComparison.Ordinal);
        Assert.Contains("kernel add", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void An_event_orders_two_streams_and_a_later_record_does_not_move_the_wait(int progress, ulong seed)
    {
        using var device = new EmulatedDevice(emulator);
        emulator.Progress = (EmulatorProgress)progress;
        emulator.Seed = seed;
        nint first = device.NewStream(), second = device.NewStream();
        ulong x = device.Upload(0, 0, 0, 0), y = device.Upload(1, 1, 1, 1);
        nint fill = device.Kernel(Kernels, "fill");
        device.Ok(Cu.cuEventCreate(out nint done, 2));
        device.Ok(EmulatedDevice.Launch(fill, 1, 4, first, 0, x, 2f));
        device.Ok(Cu.cuEventRecord(done, first));
        device.Ok(Cu.cuStreamWaitEvent(second, done, 0));
        device.Ok(EmulatedDevice.Launch(device.Kernel(Kernels, "add"), 1, 4, second, 0, x, y));
        device.Ok(Cu.cuEventRecord(done, first));
        device.Ok(Cu.cuStreamSynchronize(second));
        Assert.Equal([3f, 3, 3, 3], device.Download(y, 4));
        device.Ok(Cu.cuEventDestroy_v2(done));
        emulator.AssertNoFindings();
    }

    [Fact]
    public void Two_streams_may_write_two_halves_where_every_access_is_known()
    {
        using var device = new EmulatedDevice(emulator, isChecked: true);
        nint first = device.NewStream(), second = device.NewStream(), fill = device.Kernel(Kernels, "fill");
        ulong x = device.Alloc(8);
        device.Ok(EmulatedDevice.Launch(fill, 1, 4, first, 0, x, 1f));
        device.Ok(EmulatedDevice.Launch(fill, 1, 4, second, 0, x + 16, 2f));
        device.Ok(Cu.cuCtxSynchronize());
        emulator.AssertNoFindings();
        device.Ok(EmulatedDevice.Launch(fill, 1, 5, first, 0, x, 1f));
        device.Ok(EmulatedDevice.Launch(fill, 1, 4, second, 0, x + 16, 2f));
        device.Ok(Cu.cuCtxSynchronize());
        Assert.Contains("missing synchronisation", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Fact]
    public void Stream_ordered_memory_belongs_to_its_stream_until_an_event_orders_another()
    {
        using var device = new EmulatedDevice(emulator);
        nint first = device.NewStream(), second = device.NewStream(), fill = device.Kernel(Kernels, "fill");
        device.Ok(Cu.cuMemAllocAsync(out ulong x, 16, first));
        device.Ok(EmulatedDevice.Launch(fill, 1, 4, second, 0, x, 1f));
        device.Ok(Cu.cuMemFreeAsync(x, first));
        device.Ok(Cu.cuStreamSynchronize(second));
        device.Ok(Cu.cuStreamSynchronize(first));
        Assert.NotEmpty(emulator.Findings);
        Assert.All(emulator.Findings, f => Assert.Contains("missing synchronisation", f, StringComparison.Ordinal));
        emulator.ClearReports();
    }

    [Fact]
    public void Page_locked_memory_is_read_when_the_copy_runs_and_pageable_memory_when_it_is_called()
    {
        using var device = new EmulatedDevice(emulator);
        nint stream = device.NewStream();
        ulong x = device.Alloc(1), y = device.Alloc(1);
        device.Ok(Cu.cuMemHostAlloc(out nint pinned, 4, 0));
        float pageable = *(float*)pinned = 1;
        device.Ok(Cu.cuMemcpyHtoDAsync_v2(x, (void*)pinned, 4, stream));
        device.Ok(Cu.cuMemcpyHtoDAsync_v2(y, &pageable, 4, stream));
        pageable = *(float*)pinned = 2;
        device.Ok(Cu.cuStreamSynchronize(stream));
        Assert.Equal([2f], device.Download(x, 1));
        Assert.Equal([1f], device.Download(y, 1));
        device.Ok(Cu.cuMemFreeHost(pinned));
    }

    [Fact]
    public void Memory_that_is_unregistered_before_its_copy_runs_is_found()
    {
        using var device = new EmulatedDevice(emulator);
        nint stream = device.NewStream();
        ulong x = device.Alloc(1);
        float value = 1;
        device.Ok(Cu.cuMemHostRegister_v2((nint)(&value), 4, 0));
        device.Ok(Cu.cuMemcpyHtoDAsync_v2(x, &value, 4, stream));
        device.Ok(Cu.cuMemHostUnregister((nint)(&value)));
        Assert.Equal(IllegalAddress, Cu.cuStreamSynchronize(stream));
        Assert.Contains("are not now that it runs", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Fact]
    public void The_time_between_events_is_known_once_both_have_happened()
    {
        using var device = new EmulatedDevice(emulator);
        nint stream = device.NewStream();
        device.Ok(Cu.cuEventCreate(out nint start, 0));
        device.Ok(Cu.cuEventCreate(out nint end, 0));
        device.Ok(Cu.cuEventRecord(start, stream));
        device.Ok(Cu.cuEventRecord(end, stream));
        Assert.Equal(NotReady, Cu.cuEventElapsedTime(out _, start, end));
        device.Ok(Cu.cuEventSynchronize(end));
        device.Ok(Cu.cuEventElapsedTime(out float milliseconds, start, end));
        Assert.True(milliseconds >= 0);
        device.Ok(Cu.cuEventDestroy_v2(start));
        device.Ok(Cu.cuEventDestroy_v2(end));
    }

    [Fact]
    public void A_loop_of_queries_comes_to_an_end()
    {
        using var device = new EmulatedDevice(emulator);
        nint stream = device.NewStream();
        device.Ok(EmulatedDevice.Launch(device.Kernel(Kernels, "fill"), 1, 4, stream, 0, device.Alloc(4), 1f));
        Assert.Equal(NotReady, Cu.cuStreamQuery(stream));
        device.Ok(Cu.cuStreamQuery(stream));
    }

    [Fact]
    public void A_graph_replays_what_was_captured_with_its_arguments_of_then()
    {
        using var device = new EmulatedDevice(emulator);
        nint stream = device.NewStream();
        ulong x = device.Upload(1, 2), y = device.Upload(0, 0);
        nint add = device.Kernel(Kernels, "add");
        device.Ok(Cu.cuStreamBeginCapture_v2(stream, 1));
        device.Ok(EmulatedDevice.Launch(add, 1, 2, stream, 0, x, y));
        device.Ok(Cu.cuStreamEndCapture(stream, out nint graph));
        device.Ok(Cu.cuGraphInstantiateWithFlags(out nint executable, graph, 0));
        for (int i = 0; i < 3; i++)
            device.Ok(Cu.cuGraphLaunch(executable, stream));
        device.Ok(Cu.cuStreamSynchronize(stream));
        Assert.Equal([3f, 6], device.Download(y, 2));
        Assert.Equal((3UL, 3UL), (emulator.Counter("graph_launches"), emulator.Counter("launches:add")));
        device.Ok(Cu.cuGraphExecDestroy(executable));
        device.Ok(Cu.cuGraphDestroy(graph));
        emulator.AssertNoFindings();
    }

    [Fact]
    public void A_module_that_is_loaded_during_a_capture_invalidates_it()
    {
        using var device = new EmulatedDevice(emulator);
        nint stream = device.NewStream();
        byte[] compiled = EmulatedDevice.TryCompile(Kernels).Image;
        device.Ok(Cu.cuStreamBeginCapture_v2(stream, 1));
        fixed (byte* image = compiled)
            Assert.Equal(CaptureUnsupported, Cu.cuModuleLoadData(out _, image));
        Assert.Equal(CaptureInvalidated, Cu.cuStreamEndCapture(stream, out _));
        emulator.ClearReports();
    }

    [Fact]
    public void An_allocation_during_a_capture_answers_900_and_invalidates_it()
    {
        using var device = new EmulatedDevice(emulator);
        nint stream = device.NewStream();
        device.Ok(Cu.cuStreamBeginCapture_v2(stream, 0));
        Assert.Equal(CaptureUnsupported, Cu.cuMemAlloc_v2(out _, 4));
        Assert.Equal(CaptureUnsupported, Cu.cuStreamSynchronize(stream));
        Assert.Equal(CaptureInvalidated, Cu.cuStreamEndCapture(stream, out _));
        Assert.Equal(2, emulator.Findings.Count);
        emulator.ClearReports();
    }

    [Fact]
    public void A_fork_that_does_not_come_back_answers_904_and_branches_that_race_are_found()
    {
        using var device = new EmulatedDevice(emulator);
        nint main = device.NewStream(), side = device.NewStream(), fill = device.Kernel(Kernels, "fill");
        ulong x = device.Alloc(4);
        device.Ok(Cu.cuEventCreate(out nint fork, 2));
        device.Ok(Cu.cuEventCreate(out nint join, 2));

        nint Capture(bool joins, int status)
        {
            device.Ok(Cu.cuStreamBeginCapture_v2(main, 1));
            device.Ok(Cu.cuEventRecord(fork, main));
            device.Ok(Cu.cuStreamWaitEvent(side, fork, 0));
            device.Ok(EmulatedDevice.Launch(fill, 1, 4, main, 0, x, 1f));
            device.Ok(EmulatedDevice.Launch(fill, 1, 4, side, 0, x, 2f));
            device.Ok(Cu.cuEventRecord(join, side));
            if (joins)
                device.Ok(Cu.cuStreamWaitEvent(main, join, 0));
            Assert.Equal(status, Cu.cuStreamEndCapture(main, out nint graph));
            return graph;
        }

        Capture(joins: false, Unjoined);
        Assert.Contains("was not joined", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
        nint graph = Capture(joins: true, 0);
        device.Ok(Cu.cuGraphInstantiateWithFlags(out nint executable, graph, 0));
        device.Ok(Cu.cuGraphLaunch(executable, main));
        device.Ok(Cu.cuStreamSynchronize(main));
        Assert.Contains("(in a graph)", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }
}
