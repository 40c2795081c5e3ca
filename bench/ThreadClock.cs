using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Graft.Bench;

/// <summary>Processor time of the calling thread: what other programs take in between does not count.</summary>
internal static partial class ThreadClock
{
    private const int ThreadCpuTime = 3; // CLOCK_THREAD_CPUTIME_ID of Linux, clock_gettime(2)

    /// <summary>Seconds that this thread ran; where the system is not a 64-bit Linux, seconds by the clock.</summary>
    public static double Seconds =>
        OperatingSystem.IsLinux() && Environment.Is64BitProcess && GetTime(ThreadCpuTime, out TimeSpec time) == 0
            ? time.Seconds + time.Nanoseconds * 1e-9
            : Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpec time);

    private struct TimeSpec
    {
        public long Seconds, Nanoseconds;
    }
}
