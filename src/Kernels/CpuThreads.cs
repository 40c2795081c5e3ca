using Graft.Kernels.Cpu;

namespace Graft.Kernels;

/// <summary>How many threads the Cpu kernels use. Results do not depend on it.</summary>
public static class CpuThreads
{
    /// <summary>
    /// Number of threads, the caller's among them. At start-up the environment variable GRAFT_THREADS, else one a processor.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public static int Count
    {
        get => WorkerPool.Threads;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            WorkerPool.Threads = value;
        }
    }
}
