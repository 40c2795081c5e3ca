using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Graft.Bench.Quick;

namespace Graft.Bench.Gpu;

/// <summary>
/// What the host does in a training step: the time until all of it is handed in, without the waits for the GPU, and what is allocated. On the emulator with CUEMU_IDLE=1, which takes
/// work and does none, this needs no GPU; its share is in the time, and its counters tell the calls.
/// </summary>
internal static unsafe class GpuHost
{
    private const int WarmUps = 100, Steps = 200, SecondsAtMost = 10;

    private static readonly string[] s_counted = ["calls", "launches", "cudnn_calls", "cublas_calls", "cublaslt_calls", "copies_on_device", "copies_to_device", "memsets", "allocations", "frees"];

    /// <summary>A row with the milliseconds of the host; the median of some steps.</summary>
    public static GpuRow Measure(GpuRow row, GraftStep step)
    {
        for (int i = 0; i < WarmUps; i++)
            step.Run();
        BenchGpu.Synchronize();
        var seconds = new List<double>();
        double[] before = Counters();
        long allocated = GC.GetTotalAllocatedBytes(precise: true), collections = GC.CollectionCount(0), start = Stopwatch.GetTimestamp();
        while (seconds.Count < Steps && Stopwatch.GetElapsedTime(start).TotalSeconds < SecondsAtMost)
        {
            double waited = BenchGpu.Context.Transfers.SecondsWaited;
            long begin = Stopwatch.GetTimestamp();
            step.Run();
            seconds.Add(Stopwatch.GetElapsedTime(begin).TotalSeconds - (BenchGpu.Context.Transfers.SecondsWaited - waited));
            BenchGpu.Synchronize();
        }
        double[] after = Counters();
        double bytes = (double)(GC.GetTotalAllocatedBytes(precise: true) - allocated) / seconds.Count;
        string counts = string.Join(", ", s_counted.Zip(before, after).Where(c => c.Third > c.Second)
            .Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.First} {(c.Third - c.Second) / seconds.Count:0}")));
        return row with
        {
            Seconds = PairedRounds.Median(seconds),
            Fastest = seconds.Min(),
            Slowest = seconds.Max(),
            Note = string.Create(CultureInfo.InvariantCulture, $"host alone; {bytes / 1024:0} KiB allocated a step, {GC.CollectionCount(0) - collections} collections; {counts}"),
        };
    }

    /// <summary>The emulator's; empty on a GPU.</summary>
    private static double[] Counters()
    {
        if (Environment.GetEnvironmentVariable("GRAFT_CUDA_PATH") is not { Length: > 0 } folder || !NativeLibrary.TryLoad(Path.Combine(folder, "libcudaemu.so"), out nint emulator))
            return [];
        var counter = (delegate* unmanaged<byte*, ulong>)NativeLibrary.GetExport(emulator, "cuemuCounter");
        return Array.ConvertAll(s_counted, name =>
        {
            fixed (byte* text = System.Text.Encoding.UTF8.GetBytes(name + '\0'))
                return (double)counter(text);
        });
    }
}
