using Graft.Kernels;
using Graft.Kernels.Cuda;
using Graft.Tests.CudaEmulator;
using Xunit;
using static Graft.Tests.Kernels.KernelBlocks;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>Work that is recorded into a CUDA graph, on the emulated GPU.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaGraphTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int InvalidValue = 1, OutOfMemory = 2;

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Recorded_work_runs_once_when_it_is_recorded_and_once_a_launch(bool isOneToOne)
    {
        emulator.Begin($"{nameof(Recorded_work_runs_once_when_it_is_recorded_and_once_a_launch)} {isOneToOne}");
        using var gpu = new EmulatedGpu(isOneToOne: isOneToOne);
        DevicePtr<float> x = New(gpu.Kernels.Memory, [1, 2, 3]);
        using (RecordedWork graph = gpu.Kernels.RunAndRecord(() => Double(gpu, x, 3), out string obstacle)!)
        {
            Assert.Equal(("CUDA graph: 1 kernels and copies", ""), (graph.ToString(), obstacle));
            Assert.Equal([2, 4, 6], Read(gpu.Kernels.Memory, x, 3));
            emulator.ResetCounters();
            graph.Launch();
            graph.Launch();
            Assert.Equal([8, 16, 24], Read(gpu.Kernels.Memory, x, 3));
            Assert.Equal((2ul, 0ul), (emulator.Counter("graph_launches"), emulator.Counter("allocations")));
        }
        gpu.Kernels.Memory.Free(x.Address);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Scratch_of_recorded_work_is_the_graphs_own(bool isOneToOne)
    {
        emulator.Begin($"{nameof(Scratch_of_recorded_work_is_the_graphs_own)} {isOneToOne}");
        using var gpu = new EmulatedGpu(isOneToOne: isOneToOne);
        MemoryKernels memory = gpu.Kernels.Memory;
        const int Count = 1000;
        float[] numbers = Numbers(Count, 1);
        int others = gpu.Context.Memory.LiveBlocks; // none but where tests share a GPU
        DevicePtr<float> x = New(memory, numbers), y = New(memory, new float[Count]);
        void Work()
        {
            Tensor first = Tensor.Allocate(gpu.Device, new Shape(Count));
            using (var second = new CudaScratch(gpu.Context, Count * sizeof(float)))
            {
                memory.Copy(x, first.Data, Count);
                memory.Copy(first.Data, new DevicePtr<float>(second.Address), Count);
                first.Release();
                Tensor third = Tensor.Allocate(gpu.Device, new Shape(Count)); // where the first was
                memory.Fill(third.Data, Count, 7);
                memory.Copy(new DevicePtr<float>(second.Address), y, Count);
                third.Release();
            }
        }
        int blocks = gpu.Context.Memory.LiveBlocks;
        long bytes = gpu.Context.Memory.LiveBytes;
        using (RecordedWork graph = gpu.Kernels.RunAndRecord(Work, out _)!)
        {
            Assert.Equal(blocks + 1, gpu.Context.Memory.LiveBlocks);
            Assert.Equal(bytes + 2 * 4096, gpu.Context.Memory.LiveBytes); // two of the three at a time, of 4000 bytes in steps of 256
            Tensor other = Tensor.Zeros(gpu.Device, new Shape(Count));
            memory.Fill(y, Count, 0);
            graph.Launch();
            Assert.Equal(numbers, Read(memory, y, Count));
            Assert.Equal(new float[Count], other.ToArray());
            other.Release();
        }
        memory.Free(x.Address);
        memory.Free(y.Address);
        gpu.Device.Pool.Trim();
        Assert.Equal(others, gpu.Context.Memory.LiveBlocks);
    }

    [Fact]
    public void Work_that_a_graph_cannot_hold_runs_all_the_same_and_the_reason_is_told()
    {
        emulator.Begin(nameof(Work_that_a_graph_cannot_hold_runs_all_the_same_and_the_reason_is_told));
        using var gpu = new EmulatedGpu();
        MemoryKernels memory = gpu.Kernels.Memory;
        DevicePtr<float> x = New(memory, [1]);
        float[] seen = [];
        Tensor? kept = null;
        void Expect(string reason, Action work)
        {
            Assert.Null(gpu.Kernels.RunAndRecord(work, out string obstacle));
            Assert.Equal(reason, obstacle);
        }
        Expect("it reads numbers back to the host", () => seen = Read(memory, x, 1));
        Assert.Equal([1], seen);
        Expect("it brings numbers from the host", () => memory.Upload<float>([5], x));
        Assert.Equal([5], Read(memory, x, 1));
        Expect("it keeps memory that it took", () => kept = Tensor.Zeros(gpu.Device, new Shape(3)));
        Expect("it gives back memory that it did not take", () => kept!.Release());
        memory.Free(x.Address);
    }

    [Fact]
    public void A_call_that_breaks_the_recording_is_told_and_the_stream_goes_on()
    {
        emulator.Begin(nameof(A_call_that_breaks_the_recording_is_told_and_the_stream_goes_on));
        using var gpu = new EmulatedGpu();
        DevicePtr<float> x = New(gpu.Kernels.Memory, [1]);
        Assert.Null(gpu.Kernels.RunAndRecord(() =>
        {
            Double(gpu, x, 1);
            gpu.Context.Stream.Synchronize(); // as a library might, behind the engine's back
        }, out string obstacle));
        Assert.StartsWith("a graph cannot hold it: ", obstacle, StringComparison.Ordinal);
        Assert.Contains("(900)", obstacle, StringComparison.Ordinal);
        Assert.Contains("captures", Assert.Single(emulator.Findings), StringComparison.Ordinal);
        emulator.ClearReports();
        Double(gpu, x, 1);
        Assert.Equal([4], Read(gpu.Kernels.Memory, x, 1));
        gpu.Kernels.Memory.Free(x.Address);
    }

    [Fact]
    public void Work_that_does_otherwise_the_second_time_is_refused_and_leaves_nothing_behind()
    {
        emulator.Begin(nameof(Work_that_does_otherwise_the_second_time_is_refused_and_leaves_nothing_behind));
        using var gpu = new EmulatedGpu();
        int runs = 0, blocks = gpu.Context.Memory.LiveBlocks;
        CudaException e = Assert.Throws<CudaException>(() => gpu.Kernels.RunAndRecord(() => Tensor.Zeros(gpu.Device, new Shape(100 * ++runs)).Release(), out _));
        Assert.Contains("it takes a block of 800 bytes. It did not do so when it ran before.", e.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => gpu.Kernels.RunAndRecord(() => Tensor.Zeros(gpu.Device, new Shape(++runs > 3 ? throw new InvalidOperationException() : 9)).Release(), out _));
        Assert.Equal(blocks, gpu.Context.Memory.LiveBlocks);
    }

    [Fact]
    public void What_another_thread_hands_in_meanwhile_is_no_part_of_the_recording()
    {
        emulator.Begin(nameof(What_another_thread_hands_in_meanwhile_is_no_part_of_the_recording));
        using var gpu = new EmulatedGpu();
        MemoryKernels memory = gpu.Kernels.Memory;
        DevicePtr<float> x = New(memory, [1]), y = New(memory, [1, 0, 0, 1]), z = New(memory, [1, 2, 3, 4]), out1 = New(memory, new float[4]), out2 = New(memory, new float[4]);
        void Work()
        {
            Double(gpu, x, 1);
            gpu.Context.Blas.Multiply(false, false, 2, 2, 2, y, z, out1, 0);
            Task.Run(() =>
            {
                Double(gpu, y, 4); // twice: as the work runs and as it is noted down
                gpu.Context.Blas.Multiply(false, false, 2, 2, 2, y, z, out2, 0);
                Tensor.Zeros(gpu.Device, new Shape(10)).Release();
            }, TestContext.Current.CancellationToken).Wait(TestContext.Current.CancellationToken);
        }
        using (RecordedWork graph = gpu.Kernels.RunAndRecord(Work, out _)!)
        {
            Assert.Equal(2, graph.Count);
            Assert.Equal([4, 0, 0, 4], Read(memory, y, 4));
            Assert.Equal([4, 8, 12, 16], Read(memory, out2, 4));
            graph.Launch();
            Assert.Equal([4], Read(memory, x, 1));
            Assert.Equal([4, 0, 0, 4], Read(memory, y, 4));
            Assert.Equal([4, 8, 12, 16], Read(memory, out1, 4));
        }
        foreach (DevicePtr<float> block in new[] { x, y, z, out1, out2 })
            memory.Free(block.Address);
    }

    [Theory]
    [InlineData("capture", 1, "cuStreamBeginCapture_v2(")]
    [InlineData("capture", 2, "cuStreamEndCapture(")]
    [InlineData("instantiate", 1, "cuGraphInstantiateWithFlags(")]
    [InlineData("launch", 3, "cuGraphLaunch(")] // the kernel as it runs, as it is noted down, the graph
    public void What_the_driver_refuses_is_named_and_leaves_nothing_behind(string kind, int call, string name)
    {
        emulator.Begin($"{nameof(What_the_driver_refuses_is_named_and_leaves_nothing_behind)} {kind} {call}");
        using var gpu = new EmulatedGpu();
        DevicePtr<float> x = New(gpu.Kernels.Memory, [1]);
        int blocks = gpu.Context.Memory.LiveBlocks;
        void Run()
        {
            using RecordedWork graph = gpu.Kernels.RunAndRecord(() =>
            {
                using var scratch = new CudaScratch(gpu.Context, 100);
                Double(gpu, x, 1);
            }, out _)!;
            graph.Launch();
        }
        emulator.Inject(kind, (ulong)call, kind == "instantiate" ? OutOfMemory : InvalidValue);
        CudaException e = Assert.Throws<CudaException>(Run);
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
        Assert.Equal(blocks, gpu.Context.Memory.LiveBlocks);
        float before = Read(gpu.Kernels.Memory, x, 1)[0];
        Run();
        Assert.Equal([4 * before], Read(gpu.Kernels.Memory, x, 1));
        gpu.Kernels.Memory.Free(x.Address);
    }

    [Fact]
    public void Nothing_is_recorded_where_graphs_are_off()
    {
        emulator.Begin(nameof(Nothing_is_recorded_where_graphs_are_off));
        Assert.False(CudaOptions.Read(n => n == "GRAFT_CUDA_GRAPHS" ? "off" : null).UsesGraphs);
        Assert.Contains("GRAFT_CUDA_GRAPHS is 'no'", Assert.Throws<GraftException>(() => CudaOptions.Read(n => n == "GRAFT_CUDA_GRAPHS" ? "no" : null)).Message, StringComparison.Ordinal);
        using var gpu = new EmulatedGpu(usesGraphs: false);
        DevicePtr<float> x = New(gpu.Kernels.Memory, [1]);
        Assert.Null(gpu.Kernels.RunAndRecord(() => Double(gpu, x, 1), out string obstacle));
        Assert.Equal("GRAFT_CUDA_GRAPHS is off", obstacle);
        Assert.Equal([2], Read(gpu.Kernels.Memory, x, 1));
        gpu.Kernels.Memory.Free(x.Address);
    }

    private static void Double(EmulatedGpu gpu, DevicePtr<float> x, int count) => gpu.Kernels.Gradient.Scale(x, count, 2);
}
