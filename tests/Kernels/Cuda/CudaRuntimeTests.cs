using Graft.Kernels;
using Graft.Kernels.Cuda;
using Graft.Tests.CudaEmulator;
using Xunit;
using static Graft.Tests.Kernels.KernelBlocks;

namespace Graft.Tests.Kernels.Cuda;

/// <summary>Context, memory, copies, launches and errors on the emulated GPU.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class CudaRuntimeTests(CudaEmulator.CudaEmulator emulator) : IDisposable
{
    private const int OutOfMemory = 2, IllegalAddress = 700, CublasFailed = 13;

    /// <summary>After a test has given everything back: misuse and leaks.</summary>
    public void Dispose()
    {
        if (emulator.Available)
            emulator.AssertNoFindings();
    }

    [Fact]
    public void The_diagnosis_names_libraries_versions_and_the_gpu_and_finds_cuda_usable()
    {
        emulator.Begin(nameof(The_diagnosis_names_libraries_versions_and_the_gpu_and_finds_cuda_usable));
        CudaDiagnosis diagnosis = CudaDiagnosis.Run();
        Assert.True(diagnosis.IsUsable, diagnosis.ToString());
        Assert.StartsWith("CUDA is usable: ", diagnosis.Verdict, StringComparison.Ordinal);
        if (emulator.Folder is not { } folder)
            return;
        Assert.Equal(90, diagnosis.Devices[0].Capability);
        Assert.All(diagnosis.Libraries.Where(l => l.IsNeeded), l => Assert.StartsWith(folder, l.Path, StringComparison.Ordinal));
    }

    [Fact]
    public void A_gpu_that_is_not_there_is_a_typed_exception_with_the_report()
    {
        emulator.Begin(nameof(A_gpu_that_is_not_there_is_a_typed_exception_with_the_report));
        CudaUnavailableException e = Assert.Throws<CudaUnavailableException>(() => Device.Cuda(99));
        Assert.Contains($"There is no GPU cuda:99: this machine has {CudaDiagnosis.Found.Devices.Count}, numbered from 0.", e.Message, StringComparison.Ordinal);
        Assert.Contains("libcuda.so.", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(100_000)] // beside the kernels: larger than a small copy
    [InlineData(4_500_001)] // several pieces and a rest
    [InlineData(17_000_000)] // more pieces than the ring has buffers at most
    public void What_is_uploaded_comes_back(int count)
    {
        emulator.Begin($"{nameof(What_is_uploaded_comes_back)} {count}");
        using var gpu = new EmulatedGpu();
        float[] before = Numbers(count, seed: 4), sent = Numbers(count, seed: 3), received = new float[count];
        foreach (EmulatorProgress progress in Enum.GetValues<EmulatorProgress>())
        {
            emulator.Progress = progress;
            MemoryKernels memory = gpu.Kernels.Memory;
            var block = new DevicePtr<float>(memory.Allocate(4L * count));
            memory.Upload<float>(before, block);
            memory.Upload<float>(sent, block); // in the order of the calls
            Array.Clear(received);
            memory.Download(block, received.AsSpan());
            Assert.Equal(sent, received);
            Assert.True(memory.HostSpan(block, count).IsEmpty);
            memory.Free(block.Address);
        }
    }

    [Fact]
    public void Blocks_are_copied_added_to_and_filled()
    {
        emulator.Begin(nameof(Blocks_are_copied_added_to_and_filled));
        using var gpu = new EmulatedGpu();
        MemoryKernels memory = gpu.Kernels.Memory;
        float[] numbers = Numbers(1001, seed: 1);
        DevicePtr<float> a = New(memory, numbers), b = New(memory, new float[1001]);
        memory.Copy(a, b, 1001);
        Assert.Equal(numbers, Read(memory, b, 1001));
        memory.Accumulate(a, b, 1001, beta: 1);
        Assert.Equal([.. numbers.Select(n => n + n)], Read(memory, b, 1001));
        memory.Accumulate(a, b, 1001, beta: 0);
        Assert.Equal(numbers, Read(memory, b, 1001));
        memory.Fill(b.At(1), 1000, 2.5f);
        Assert.Equal([numbers[0], .. Enumerable.Repeat(2.5f, 1000)], Read(memory, b, 1001));
        memory.Free(a.Address);
        memory.Free(b.Address);
    }

    [Fact]
    public void Out_of_memory_says_how_much_and_leaves_the_gpu_usable()
    {
        emulator.Begin(nameof(Out_of_memory_says_how_much_and_leaves_the_gpu_usable));
        emulator.Configure("memory", 16UL << 30);
        using var gpu = new EmulatedGpu(isOneToOne: false);
        Tensor held = Tensor.Zeros(gpu.Device, new Shape(1 << 20));
        int blocks = gpu.Device.Pool.LiveBlocks;
        CudaOutOfMemoryException e = Assert.Throws<CudaOutOfMemoryException>(() => Tensor.Zeros(gpu.Device, new Shape(1 << 30, 8))); // 32 of 16 GiB
        Assert.Equal(32L << 30, e.Requested);
        Assert.Equal(OutOfMemory, e.Status);
        Assert.Contains("32,768.0 MiB asked for", e.Message, StringComparison.Ordinal);
        Assert.Contains("4.0 MiB held by this program", e.Message, StringComparison.Ordinal);
        Assert.Equal(blocks, gpu.Device.Pool.LiveBlocks);
        Tensor next = Tensor.Zeros(gpu.Device, new Shape(10));
        Assert.Equal(new float[10], next.ToArray());
        next.Release();
        held.Release();
    }

    [Fact]
    public void What_the_engine_keeps_for_reuse_is_given_back_before_memory_is_out()
    {
        emulator.Begin(nameof(What_the_engine_keeps_for_reuse_is_given_back_before_memory_is_out));
        emulator.Configure("memory", 64UL << 20);
        using (var gpu = new EmulatedGpu(isOneToOne: false))
        {
            Tensor.Zeros(gpu.Device, new Shape(10 << 20)).Release(); // 40 MiB, kept
            Tensor other = Tensor.Zeros(gpu.Device, new Shape(12 << 20)); // 48 MiB fit only without it
            Assert.Equal(0, gpu.Device.Pool.CachedBytes);
            other.Release();
        }
    }

    [Fact]
    public void What_the_engine_keeps_for_reuse_is_given_back_to_kernels_that_need_room_of_their_own()
    {
        emulator.Begin(nameof(What_the_engine_keeps_for_reuse_is_given_back_to_kernels_that_need_room_of_their_own));
        emulator.Configure("memory", 64UL << 20);
        using (var gpu = new EmulatedGpu(isOneToOne: false))
        {
            Tensor.Zeros(gpu.Device, new Shape(10 << 20)).Release(); // 40 MiB, kept
            using (new CudaScratch(gpu.Context, 48 << 20)) // fits only without it
                Assert.Equal(0, gpu.Device.Pool.CachedBytes);
        }
    }

    [Fact]
    public void Scratch_of_a_size_that_came_before_is_lent_again_without_the_driver()
    {
        emulator.BeginEmulated(nameof(Scratch_of_a_size_that_came_before_is_lent_again_without_the_driver), "it counts calls");
        using var gpu = new EmulatedGpu(isOneToOne: false);
        CudaMemoryPool memory = gpu.Context.Memory;
        nint first;
        using (CudaScratch a = new(gpu.Context, 1000), b = new(gpu.Context, 1000))
        {
            first = a.Address;
            Assert.NotEqual(a.Address, b.Address);
            Assert.Equal((2, 2000L, 0L), (memory.LiveBlocks, memory.LiveBytes, memory.KeptBytes));
        }
        Assert.Equal((0, 0L, 2000L), (memory.LiveBlocks, memory.LiveBytes, memory.KeptBytes));
        emulator.ResetCounters();
        using (CudaScratch again = new(gpu.Context, 1000))
            Assert.Equal(first, again.Address); // the last to come back
        Assert.Equal((0UL, 0UL), (emulator.Counter("allocations"), emulator.Counter("frees")));
        using (new CudaScratch(gpu.Context, 1001))
            Assert.Equal(1UL, emulator.Counter("allocations")); // no block of another size
        memory.Trim();
        Assert.Equal(0, memory.KeptBytes);
        Assert.Equal(3UL, emulator.Counter("frees"));
    }

    [Fact]
    public void Scratch_that_waits_to_be_lent_takes_a_share_of_the_memory_at_most()
    {
        emulator.BeginEmulated(nameof(Scratch_that_waits_to_be_lent_takes_a_share_of_the_memory_at_most), "a GPU may not have so much left");
        emulator.Configure("idle", 1); // memory that nobody touches costs nothing
        using var gpu = new EmulatedGpu(isOneToOne: false);
        CudaMemoryPool memory = gpu.Context.Memory;
        long quarter = gpu.Context.Info.Memory / 64;
        foreach (int quarters in new[] { 1, 2, 3, 5, 1 }) // 4 may stay
        {
            using (new CudaScratch(gpu.Context, quarters * quarter))
            {
            }
            Assert.InRange(memory.KeptBytes, 0, 4 * quarter);
        }
        Assert.Equal(quarter, memory.KeptBytes);
    }

    [Fact]
    public void Memory_that_is_watched_is_lent_by_the_driver_each_time()
    {
        emulator.BeginEmulated(nameof(Memory_that_is_watched_is_lent_by_the_driver_each_time), "it counts calls");
        using var gpu = new EmulatedGpu(isOneToOne: true);
        for (int i = 0; i < 2; i++)
            new CudaScratch(gpu.Context, 1000).Dispose();
        Assert.Equal(2UL, emulator.Counter("allocations"));
        Assert.Equal(0, gpu.Context.Memory.KeptBytes);
    }

    [Theory]
    [InlineData(new int[0])]
    [InlineData(new[] { 5 })]
    [InlineData(new[] { 1, 1000, 0, 256, 257, 3 })]
    public void Small_arrays_are_copied_together(int[] counts)
    {
        emulator.Begin($"{nameof(Small_arrays_are_copied_together)} {counts.Length}");
        using var gpu = new EmulatedGpu();
        MemoryKernels memory = gpu.Kernels.Memory;
        float[][] arrays = [.. counts.Select((c, i) => Numbers(c, seed: i + 1))];
        (DevicePtr<float> Source, long Count)[] sources = [.. arrays.Select(a => (New(memory, [.. a, 7f]), (long)a.Length))];
        DevicePtr<float> destination = New(memory, [.. Enumerable.Repeat(-1f, counts.Sum() + 1)]);
        memory.CopyTogether(sources, destination);
        Assert.Equal([.. arrays.SelectMany(a => a), -1f], Read(memory, destination, counts.Sum() + 1));
        memory.Free(destination.Address);
        foreach ((DevicePtr<float> source, _) in sources)
            memory.Free(source.Address);
    }

    [Fact]
    public void A_launch_that_is_refused_names_kernel_and_shape()
    {
        emulator.Begin(nameof(A_launch_that_is_refused_names_kernel_and_shape));
        using var gpu = new EmulatedGpu();
        DevicePtr<float> x = New(gpu.Kernels.Memory, [1, 2, 3]);
        emulator.Inject("launch", 1, 701);
        CudaException e = Assert.Throws<CudaException>(() => gpu.Kernels.Gradient.Scale(x, 3, 2));
        Assert.Equal(701, e.Status);
        Assert.Contains("cuLaunchKernel(add_scaled_packs of Memory.cu, grid 1x1, block 64x1): CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES (701)", e.Message, StringComparison.Ordinal);
        gpu.Kernels.Gradient.Scale(x, 3, 2);
        Assert.Equal([2, 4, 6], Read(gpu.Kernels.Memory, x, 3));
        gpu.Kernels.Memory.Free(x.Address);
    }

    [Fact]
    public void A_product_that_fails_shows_the_call_and_the_words_of_cublas()
    {
        emulator.Begin(nameof(A_product_that_fails_shows_the_call_and_the_words_of_cublas));
        using var gpu = new EmulatedGpu();
        DevicePtr<float> x = New(gpu.Kernels.Memory, [1, 2, 3, 4]), y = New(gpu.Kernels.Memory, new float[4]);
        gpu.Context.Blas.Multiply(false, false, 2, 2, 2, x, x, y, 0);
        Assert.Equal([7, 10, 15, 22], Read(gpu.Kernels.Memory, y, 4));
        emulator.Inject("cublas", 1, CublasFailed);
        CudaException e = Assert.Throws<CudaException>(() => gpu.Context.Blas.Multiply(false, false, 2, 2, 2, x, x, y, 0));
        Assert.Contains("cublasSgemm_v2(", e.Message, StringComparison.Ordinal);
        Assert.Contains("CUBLAS_STATUS_EXECUTION_FAILED (13)", e.Message, StringComparison.Ordinal);
        gpu.Kernels.Memory.Free(x.Address);
        gpu.Kernels.Memory.Free(y.Address);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Products_of_row_major_matrices_with_and_without_transposes(bool transposeA, bool transposeB)
    {
        emulator.Begin($"{nameof(Products_of_row_major_matrices_with_and_without_transposes)} {transposeA} {transposeB}");
        const int M = 3, N = 5, K = 4;
        using var gpu = new EmulatedGpu();
        float[] a = Numbers(M * K, 1), b = Numbers(K * N, 2), c = Numbers(M * N, 3), expected = new float[M * N];
        for (int m = 0; m < M; m++)
        {
            for (int n = 0; n < N; n++)
                expected[m * N + n] = c[m * N + n] + Enumerable.Range(0, K).Sum(k => (transposeA ? a[k * M + m] : a[m * K + k]) * (transposeB ? b[n * K + k] : b[k * N + n]));
        }
        MemoryKernels memory = gpu.Kernels.Memory;
        DevicePtr<float> da = New(memory, a), db = New(memory, b), dc = New(memory, c);
        gpu.Context.Blas.Multiply(transposeA, transposeB, M, N, K, da, db, dc, beta: 1);
        float[] actual = Read(memory, dc, M * N);
        Assert.All(expected.Zip(actual), p => Assert.Equal(p.First, p.Second, 1e-6)); // some roundings of numbers near 1
        foreach (DevicePtr<float> block in new[] { da, db, dc })
            memory.Free(block.Address);
    }

    [Fact]
    public void Arguments_that_are_not_the_kernels_are_refused_before_the_launch()
    {
        emulator.Begin(nameof(Arguments_that_are_not_the_kernels_are_refused_before_the_launch));
        using var gpu = new EmulatedGpu();
        DevicePtr<float> x = New(gpu.Kernels.Memory, [1]);
        void Fails(string part, Action<KernelFunction> launch) => Assert.Contains(part,
            Assert.Throws<CudaException>(() => launch(new KernelFunction(gpu.Context, "Memory.cu", "add_scaled"))).Message, StringComparison.Ordinal);
        Fails("takes more than the 4 arguments", k => k.Over(1, x, 1f, x, 0f));
        Fails("takes fewer than the 6 arguments", k => k.Over(1, x, 1f, x, 0f, 1L, 0));
        Fails("parameter 4 has 8 bytes, but the argument has 4", k => k.Over(1, x, 1f, x, 0f, 1));
        Assert.Equal(0UL, emulator.Counter("launches"));
        gpu.Kernels.Memory.Free(x.Address);
    }

    [Fact]
    public void A_stopwatch_times_the_runs_of_some_work_and_waits_for_their_end()
    {
        emulator.Begin(nameof(A_stopwatch_times_the_runs_of_some_work_and_waits_for_their_end));
        using var gpu = new EmulatedGpu();
        DevicePtr<float> x = New(gpu.Kernels.Memory, [1, 2, 3]);
        using (var watch = new CudaStopwatch(gpu.Context))
        {
            Assert.InRange(watch.Seconds(() => gpu.Kernels.Gradient.Scale(x, 3, 2), runs: 3), 1e-9, 60);
            Assert.Equal([8, 16, 24], Read(gpu.Kernels.Memory, x, 3));
        }
        gpu.Kernels.Memory.Free(x.Address);
    }

    [Fact]
    public void A_kernel_of_a_file_that_is_brought_stands_behind_the_shared_lines()
    {
        emulator.Begin(nameof(A_kernel_of_a_file_that_is_brought_stands_behind_the_shared_lines));
        using var gpu = new EmulatedGpu();
        DevicePtr<float> x = New(gpu.Kernels.Memory, [1, 2, 3]);
        gpu.Context.Modules.Bring("Brought.cu", "extern \"C\" __global__ void add_one(float* x, long long count) { OVER_ELEMENTS(i, count) x[i] += 1.0f; }");
        new KernelFunction(gpu.Context, "Brought.cu", "add_one").Over(3, x, 3L);
        Assert.Equal([2, 3, 4], Read(gpu.Kernels.Memory, x, 3));
        gpu.Kernels.Memory.Free(x.Address);
    }

    [Fact]
    public void Compiled_kernels_are_kept_and_a_damaged_file_is_made_anew()
    {
        emulator.Begin(nameof(Compiled_kernels_are_kept_and_a_damaged_file_is_made_anew));
        string folder = Directory.CreateTempSubdirectory("graft-test").FullName;
        try
        {
            void Run()
            {
                using var gpu = new EmulatedGpu(new KernelCache(folder));
                DevicePtr<float> x = New(gpu.Kernels.Memory, [3]);
                gpu.Kernels.Gradient.Scale(x, 1, 2);
                Assert.Equal([6], Read(gpu.Kernels.Memory, x, 1));
                gpu.Kernels.Memory.Free(x.Address);
            }
            Run();
            string kept = Assert.Single(Directory.GetFiles(folder));
            emulator.Inject("compile", 1, 6); // the next compilation would fail: there is none
            Run();
            emulator.Inject("compile", 0, 0);
            byte[] whole = File.ReadAllBytes(kept);
            File.WriteAllBytes(kept, whole[..^7]);
            Run();
            Assert.Equal(whole.Length, new FileInfo(kept).Length);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_cache_that_cannot_be_written_costs_time_alone_and_says_so()
    {
        emulator.Begin(nameof(A_cache_that_cannot_be_written_costs_time_alone_and_says_so));
        string file = Path.GetTempFileName();
        try
        {
            var cache = new KernelCache(Path.Combine(file, "below")); // below a file there is no folder
            Assert.StartsWith("Compiled kernels are not kept: ", cache.Describe(), StringComparison.Ordinal);
            using var gpu = new EmulatedGpu(cache);
            DevicePtr<float> x = New(gpu.Kernels.Memory, [3]);
            gpu.Kernels.Gradient.Scale(x, 1, 2);
            Assert.Equal([6], Read(gpu.Kernels.Memory, x, 1));
            gpu.Kernels.Memory.Free(x.Address);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_source_that_does_not_compile_shows_the_log()
    {
        emulator.Begin(nameof(A_source_that_does_not_compile_shows_the_log));
        CudaException e = Assert.Throws<CudaException>(() => new NvrtcCompiler(80).Compile("wrong.cu", "extern \"C\" __global__ void wrong(float* x) { x[0] = nothing; }"));
        Assert.Contains("did not compile wrong.cu for sm_80: NVRTC_ERROR_COMPILATION (6)", e.Message, StringComparison.Ordinal);
        Assert.Contains("nothing", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_fault_of_a_kernel_is_said_to_be_earlier_work_that_breaks_the_context()
    {
        emulator.Begin(nameof(A_fault_of_a_kernel_is_said_to_be_earlier_work_that_breaks_the_context));
        using var gpu = new EmulatedGpu();
        DevicePtr<float> x = New(gpu.Kernels.Memory, [1]);
        gpu.Kernels.Gradient.Scale(x, 1, 2);
        emulator.Inject("copy", 1, IllegalAddress); // what a fault looks like to the host: some later call reports it
        CudaException e = Assert.Throws<CudaException>(() => Read(gpu.Kernels.Memory, x, 1));
        Assert.True(e.IsSticky);
        Assert.Contains("A kernel or copy that ran before this call is at fault; the last one launched was add_scaled_packs.", e.Message, StringComparison.Ordinal);
        Assert.Contains("start the program anew", e.Message, StringComparison.Ordinal);
        emulator.Inject("copy", 0, 0);
        gpu.Kernels.Memory.Free(x.Address);
    }
}
