using Xunit;

namespace Graft.Tests.CudaEmulator;

/// <summary>One kernel for each mistake that the emulator finds. Plain runs find by closed pages and the scheduler, checked runs by every load and store.</summary>
[Collection(CudaEmulatorCollection.Name)]
public sealed class KernelFaultTests(CudaEmulator emulator)
{
    private const int IllegalAddress = 700, OutOfResources = 701, Timeout = 702, Assertion = 710, Misaligned = 716, LaunchFailed = 719;

    private const string Faults = """
        extern "C" __global__ void beyond(float* x, int n) { x[threadIdx.x] = 1; }
        extern "C" __global__ void copy(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }
        extern "C" __global__ void skipped(float* x) { if (threadIdx.x < 17) __syncthreads(); x[threadIdx.x] = 0; }
        extern "C" __global__ void early(float* x, int n) { if (threadIdx.x >= n) return; __syncthreads(); x[threadIdx.x] = 0; }
        extern "C" __global__ void two(float* x) {
            if (threadIdx.x < 32) __syncthreads();
            else __syncthreads();
            x[threadIdx.x] = 0;
        }
        extern "C" __global__ void leftOut(float* x) { x[threadIdx.x] = __shfl_xor_sync(0xfffeu, 1.0f, 1); }
        extern "C" __global__ void exitedLane(float* x) { if ((threadIdx.x & 31) < 16) x[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1.0f, 1); }
        extern "C" __global__ void absentLane(float* x) { if ((threadIdx.x & 31) < 16) x[threadIdx.x] = __shfl_down_sync(0xffffu, 1.0f, 16); }
        extern "C" __global__ void unwrittenShared(float* x) { __shared__ float s[64]; if (threadIdx.x > 0) s[threadIdx.x] = 1; __syncthreads(); x[threadIdx.x] = s[threadIdx.x]; }
        extern "C" __global__ void race(float* x) {
            __shared__ float s[64];
            s[threadIdx.x] = 1;
            __syncthreads();
            float a = s[(threadIdx.x + 32) & 63];
            s[threadIdx.x] = a + threadIdx.x;
            __syncthreads();
            x[threadIdx.x] = s[threadIdx.x];
        }
        extern "C" __global__ void warpRace(float* x) {
            __shared__ float s[32];
            s[threadIdx.x] = threadIdx.x;
            __syncwarp();
            float a = s[31 - threadIdx.x];
            s[threadIdx.x] = a;
            x[threadIdx.x] = a;
        }
        extern "C" __global__ void dynamicBeyond(float* x) { extern __shared__ float d[]; d[threadIdx.x] = 1; x[threadIdx.x] = d[threadIdx.x]; }
        extern "C" __global__ void misaligned(float* x) { *(float2*)(x + 1) = make_float2(1, 2); }
        extern "C" __global__ void spin(volatile int* x) { while (*x != 7) { } }
        extern "C" __global__ void deep(float* x) { float y[40000]; for (int i = 0; i < 40000; i++) y[i] = x[i % 4]; x[0] = y[(int)x[1]]; }
        extern "C" __global__ void divide(int* x) { x[0] = 7 / x[1]; }
        extern "C" __global__ void claim(float* x) { assert(x[0] > 1); }
        extern "C" __global__ void __launch_bounds__(64) small(float* x) { x[threadIdx.x] = 0; }
        """;

    /// <summary>Launches a kernel of <see cref="Faults"/> on 64 floats that hold 0, and checks status and finding.</summary>
    private void Expect(string kernel, bool isChecked, int status, string text, uint block = 64, uint shared = 0, params object[] more)
    {
        using var device = new EmulatedDevice(emulator, isChecked, kernel);
        nint function = device.Kernel(Faults, kernel);
        ulong x = device.Upload(new float[64]);
        int launched = EmulatedDevice.Launch(function, 1, block, 0, shared, [x, .. more]);
        Assert.Equal(status, launched != 0 ? launched : Cu.cuCtxSynchronize());
        Assert.Contains(text, device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_write_beyond_the_end_names_kernel_thread_and_allocation(bool isChecked) =>
        Expect("beyond", isChecked, IllegalAddress, "of 256 bytes", 65, 0, 0);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_barrier_that_some_threads_skip_is_an_error(bool isChecked) =>
        Expect("skipped", isChecked, LaunchFailed, "a barrier that not all threads reach: thread 16 waits at line 3, thread 63 has exited");

    [Fact]
    public void A_return_before_a_barrier_is_an_error() => Expect("early", false, LaunchFailed, "no return before a barrier", 64, 0, 40);

    [Fact]
    public void Threads_that_wait_at_different_barriers_are_an_error() => Expect("two", false, LaunchFailed, "thread 0 at line 6, thread 32 at line 7");

    [Fact]
    public void A_shuffle_mask_without_the_caller_is_an_error() => Expect("leftOut", false, LaunchFailed, "leaves out the calling lane 0");

    [Fact]
    public void A_shuffle_that_waits_for_an_exited_lane_is_an_error() => Expect("exitedLane", false, LaunchFailed, "waits for lane 16, which has exited");

    [Fact]
    public void A_shuffle_from_a_lane_outside_of_the_mask_is_reported() => Expect("absentLane", false, 0, "lane 0 shuffles from lane 16, which takes no part");

    [Fact]
    public void A_race_in_shared_memory_names_both_threads() => Expect("race", true, 0, "thread 0 writes and thread 32 reads with no barrier between them");

    [Fact]
    public void A_race_within_a_warp_is_found_behind_a_warp_barrier() => Expect("warpRace", true, 0, "race in static shared memory", 32);

    [Fact]
    public void Shared_memory_that_the_block_has_not_written_cannot_be_read() => Expect("unwrittenShared", true, LaunchFailed, "that this block has not written");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Dynamic_shared_memory_ends_where_the_launch_says(bool isChecked) =>
        Expect("dynamicBeyond", isChecked, IllegalAddress, isChecked ? "byte 128 of dynamic shared memory; the launch gave 128" : "access to", 64, 128);

    [Fact]
    public void A_misaligned_vector_access_is_an_error() => Expect("misaligned", true, Misaligned, "access of 8 bytes", 1);

    [Fact]
    public void A_stack_overflow_is_an_error() => Expect("deep", false, IllegalAddress, "stack overflow", 1);

    [Fact]
    public void An_integer_division_by_zero_is_reported() => Expect("divide", false, LaunchFailed, "division by zero", 1);

    [Fact]
    public void A_failed_assertion_answers_710() => Expect("claim", false, Assertion, "x[0] > 1", 1);

    [Fact]
    public void A_block_above_the_launch_bounds_is_refused() => Expect("small", false, OutOfResources, "allow 64", 65);

    [Fact]
    public void A_kernel_that_never_ends_is_stopped()
    {
        using var device = new EmulatedDevice(emulator);
        emulator.Configure("watchdog_seconds", 1);
        Assert.Equal(Timeout, EmulatedDevice.Run(device.Kernel(Faults, "spin"), 1, 1, device.Upload(0)));
        Assert.Contains("more than 1 seconds", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Fact]
    public void Memory_that_nothing_has_written_reads_as_nan_in_plain_runs()
    {
        using var device = new EmulatedDevice(emulator);
        ulong y = device.Alloc(64);
        Assert.Equal(0, EmulatedDevice.Run(device.Kernel(Faults, "copy"), 1, 64, device.Alloc(64), y));
        Assert.All(device.Download(y, 64), v => Assert.True(float.IsNaN(v)));
    }

    [Fact]
    public void Memory_that_nothing_has_written_cannot_be_read_in_checked_runs()
    {
        using var device = new EmulatedDevice(emulator, isChecked: true);
        Assert.Equal(LaunchFailed, EmulatedDevice.Run(device.Kernel(Faults, "copy"), 1, 64, device.Alloc(64), device.Alloc(64)));
        Assert.Contains("4 bytes that nothing has written", device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Theory]
    [InlineData(0u, 64u, 0u, "cannot be launched")]
    [InlineData(1u, 1025u, 0u, "cannot be launched")]
    [InlineData(1u, 64u, 48u * 1024 + 16, "cuFuncSetAttribute")]
    public void A_launch_that_hardware_cannot_do_is_refused(uint grid, uint block, uint shared, string text)
    {
        using var device = new EmulatedDevice(emulator);
        nint function = device.Kernel(Faults, "dynamicBeyond");
        Assert.Equal(1, EmulatedDevice.Launch(function, grid, block, 0, shared, device.Alloc(64)));
        Assert.Contains(text, device.Finding, StringComparison.Ordinal);
        emulator.ClearReports();
    }

    [Fact]
    public void Shared_memory_above_48_kib_works_once_allowed_and_227_kib_is_the_end()
    {
        using var device = new EmulatedDevice(emulator);
        nint function = device.Kernel(Faults, "dynamicBeyond");
        Assert.Equal(1, Cu.cuFuncSetAttribute(function, 8, 228 * 1024));
        emulator.ClearReports();
        device.Ok(Cu.cuFuncSetAttribute(function, 8, 100 * 1024));
        device.Ok(EmulatedDevice.Launch(function, 1, 64, 0, 100 * 1024, device.Alloc(64)));
        device.Ok(Cu.cuCtxSynchronize());
        emulator.AssertNoFindings();
    }

    [Fact]
    public void A_fault_sticks_until_the_context_is_reset()
    {
        using var device = new EmulatedDevice(emulator, isChecked: true);
        Assert.Equal(IllegalAddress, EmulatedDevice.Run(device.Kernel(Faults, "beyond"), 1, 65, device.Alloc(64), 0));
        Assert.Equal(IllegalAddress, Cu.cuMemAlloc_v2(out _, 4));
        device.Reset();
        Assert.Equal(0, Cu.cuMemAlloc_v2(out ulong again, 4));
        Assert.Equal(0, Cu.cuMemFree_v2(again));
        emulator.ClearReports();
    }

    [Fact]
    public void A_division_by_zero_of_the_program_is_its_exception_as_ever()
    {
        using var device = new EmulatedDevice(emulator);
        Assert.Equal(IllegalAddress, EmulatedDevice.Run(device.Kernel(Faults, "beyond"), 1, 65, device.Alloc(64), 0)); // a launch brings the emulator's handlers
        device.Reset();
        emulator.ClearReports();
        Assert.Throws<DivideByZeroException>(() => 1 / Zero(""));

        static int Zero(string text) => text.Length;
    }

    [Fact]
    public void Faults_of_kernels_and_null_references_of_other_threads_do_not_disturb_each_other()
    {
        using var device = new EmulatedDevice(emulator);
        using var stop = new CancellationTokenSource();
        long caught = 0;
        var other = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    _ = Unlucky(null).Length;
                }
                catch (NullReferenceException)
                {
                    Volatile.Write(ref caught, caught + 1);
                }
                if (caught % 100 == 0)
                    GC.Collect(0);
            }
        });
        other.Start();
        SpinWait.SpinUntil(() => Volatile.Read(ref caught) > 0); // twenty faults may take less than a thread's turn
        byte[] image = EmulatedDevice.TryCompile(Faults).Image;
        for (int i = 0; i < 20; i++)
        {
            device.Ok(Cu.cuModuleGetFunction(out nint function, device.Load(image), "beyond"));
            Assert.Equal(IllegalAddress, EmulatedDevice.Run(function, 1, 65, device.Alloc(64), 0));
            device.Reset();
        }
        stop.Cancel();
        other.Join();
        Assert.Equal(20, emulator.Findings.Count);
        emulator.ClearReports();

        static string Unlucky(string? text) => text!;
    }
}
