using System.Diagnostics;
using System.Runtime.InteropServices;
using Graft.Kernels;
using Graft.Kernels.Cpu;

namespace Graft.Bench.Ops;

/// <summary>
/// GFLOP/s of the matrix product beside the multiply-add peak of one thread, measured in turn in the same process: the clock drifts.
/// One thread is timed by the processor time it got (Linux), so that a thread of other work in between does not count; several threads
/// by the best wall time of many runs.
/// </summary>
internal static unsafe class GemmBench
{
    /// <summary>How it is called.</summary>
    public const string Usage = "gemm";

    private const double SecondsPerRow = 0.4;

    /// <summary>Prints a line a size.</summary>
    /// <returns>0; 2 where there are arguments: it takes none.</returns>
    public static int Run(ReadOnlySpan<string> arguments)
    {
        if (arguments.Length > 0)
        {
            Console.Error.WriteLine($"'{arguments[0]}' is not known; usage: {Usage}, with GRAFT_THREADS=N before the command for another number of threads.");
            return 2;
        }
        int threads = CpuThreads.Count;
        Console.WriteLine($"Tile {GemmTile.Current.Rows}x{GemmTile.Current.Columns}. GFLOP/s of runs within {SecondsPerRow} s: on one thread, as of the peak, the median by processor time, on several the best by the clock.");
        Console.WriteLine("M x N x K; A', B': transposed      peak x1   1 thread   % of peak   threads");
        foreach ((int m, int n, int k, bool transA, bool transB) in new[]
        {
            (512, 512, 512, false, false), (1024, 1024, 1024, false, false), (2048, 2048, 2048, false, false),
            (1024, 1024, 1024, true, false), (1024, 1024, 1024, false, true),
            (3136, 64, 256, false, false), (3136, 256, 64, false, false), (196, 256, 1024, false, false), (49, 512, 2048, false, false),
            (512, 2304, 768, false, false), (4, 3072, 768, false, false), (1, 3072, 768, false, false), (1, 50257, 768, false, true), (512, 10, 512, false, false),
        })
        {
            double peak = Peak();
            CpuThreads.Count = 1;
            double one = Product(m, n, k, transA, transB, OneThread);
            CpuThreads.Count = threads;
            double all = Product(m, n, k, transA, transB, Best);
            string shape = $"{m} x {n} x {k}{(transA ? " A'" : "")}{(transB ? " B'" : "")}";
            Console.WriteLine($"{shape,-34} {peak,7:f0} {one,10:f0} {100 * one / peak,10:f0} % {all,8:f0} ({threads})");
        }
        return 0;
    }

    private static double Product(int m, int n, int k, bool transA, bool transB, Func<double, Action, double> measure)
    {
        float* a = Ones((long)m * k), b = Ones((long)k * n), c = Ones((long)m * n);
        double rate = measure(2.0 * m * n * k, () => Gemm.Run(transA, transB, m, n, k, a, transA ? m : k, b, transB ? k : n, c, n, 0));
        NativeMemory.AlignedFree(a);
        NativeMemory.AlignedFree(b);
        NativeMemory.AlignedFree(c);
        return rate;
    }

    /// <summary>The multiply-add peak of one thread in GFLOP/s.</summary>
    public static double Peak()
    {
        const int Rounds = 1 << 20;
        return OneThread(FmaPeak.Flops(Rounds), () => FmaPeak.Run(Rounds));
    }

    private static double OneThread(double flops, Action action) => OneThread(flops, SecondsPerRow, action);

    /// <summary>The middle one of the runs by the processor time of this thread, in GFLOP/s.</summary>
    public static double OneThread(double flops, double seconds, Action action)
    {
        action();
        List<double> times = [];
        for (double begin = ThreadClock.Seconds, now = begin; times.Count < 3 || now - begin < seconds;)
        {
            double start = now;
            action();
            now = ThreadClock.Seconds;
            times.Add(now - start);
        }
        times.Sort();
        return flops / times[times.Count / 2] / 1e9;
    }

    private static double Best(double flops, Action action) => Best(flops, SecondsPerRow, action);

    /// <summary>The fastest single run by the clock, in GFLOP/s.</summary>
    public static double Best(double flops, double seconds, Action action)
    {
        action();
        double best = 0;
        long end = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        for (int runs = 0; runs < 3 || Stopwatch.GetTimestamp() < end; runs++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            best = Math.Max(best, flops / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9);
        }
        return best;
    }

    private static float* Ones(long count)
    {
        float* block = (float*)NativeMemory.AlignedAlloc((nuint)count * sizeof(float), 64);
        for (long i = 0; i < count; i++)
            block[i] = 1;
        return block;
    }
}
