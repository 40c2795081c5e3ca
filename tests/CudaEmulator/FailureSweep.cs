using Graft.Kernels.Cuda;

namespace Graft.Tests.CudaEmulator;

/// <summary>Lets one call after the other fail, each in a run of its own.</summary>
internal static class FailureSweep
{
    private const int MostRuns = 2000;
    private const int Large = 1 << 20; // bytes: more than a small network has, less than cuBLAS's workspace

    /// <summary>What each kind of call answers when it fails by itself: it breaks no context.</summary>
    public static readonly (string Kind, int Status)[] Kinds =
    [
        ("launch", 701), // CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES
        ("copy", 1), // CUDA_ERROR_INVALID_VALUE
        ("cublas", 13), // CUBLAS_STATUS_EXECUTION_FAILED
        ("cublaslt", 13), // the same
        ("cudnn", 5000), // CUDNN_STATUS_EXECUTION_FAILED
        ("allocation", 1), // CUDA_ERROR_INVALID_VALUE: not for want of memory, so that nobody tries again
    ];

    /// <summary>
    /// Lets the first, then the one <paramref name="every"/> calls later and so on fail, each in a run of its own, until a run has fewer. A run fails with a typed exception
    /// or, where something else did the work, not at all.
    /// </summary>
    /// <param name="emulator">The emulator.</param>
    /// <param name="kind">The kind of call.</param>
    /// <param name="run">What is done each time.</param>
    /// <param name="check">What must hold after each run in which a call failed; true: the run failed.</param>
    /// <param name="every">1 tries each call.</param>
    /// <returns>Runs in which a call failed.</returns>
    public static int Calls(CudaEmulator emulator, string kind, Action run, Action<bool> check, int every = 1)
    {
        int status = Kinds.Single(k => k.Kind == kind).Status, failed = 0;
        for (ulong n = 1; failed < MostRuns; n += (ulong)every, failed++)
        {
            emulator.ResetCounters();
            emulator.Inject(kind, n, status);
            bool threw = false;
            try
            {
                run();
            }
            catch (CudaException e)
            {
                Assert.False(e.IsSticky, e.Message);
                threw = true;
            }
            emulator.Inject(kind, 0, 0);
            if (emulator.Counter("ordered_failures") == 0)
            {
                Assert.False(threw, $"A run without a failure of '{kind}' failed.");
                return failed;
            }
            check(threw);
        }
        throw new InvalidOperationException($"The run never gets by without {MostRuns} calls of '{kind}'.");
    }

    /// <summary>
    /// Runs with no free memory, then with <paramref name="step"/> bytes more, and so on, until a run has enough; where something large was asked for, with as much as it takes.
    /// Returns how many runs had not enough.
    /// </summary>
    public static int Memory(CudaEmulator emulator, EmulatedGpu gpu, Action run, Action check, long step = 256)
    {
        gpu.Device.Pool.Trim(); // what was given back is still counted until the stream comes to it
        ulong room = emulator.Counter("bytes_live");
        for (int failed = 0; failed < MostRuns; failed++)
        {
            emulator.Configure("memory", room);
            try
            {
                run();
                emulator.Configure("memory", CudaEmulator.Memory);
                return failed;
            }
            catch (CudaOutOfMemoryException e)
            {
                room += (ulong)(e.Requested > Large ? e.Requested - e.Free : step);
            }
            emulator.Configure("memory", CudaEmulator.Memory);
            check();
        }
        throw new InvalidOperationException($"The run never has memory enough in {MostRuns} runs.");
    }
}
