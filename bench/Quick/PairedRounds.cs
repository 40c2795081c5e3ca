using System.Diagnostics;

namespace Graft.Bench.Quick;

/// <summary>
/// Times contenders in turn, round by round, so that a neighbour on the machine or a drifting clock hits all of them; the order turns
/// around from round to round.
/// </summary>
internal static class PairedRounds
{
    private const int FewestRounds = 3, MostRounds = 21;
    private const double WarmUpSeconds = 0.4; // long enough for the JIT to bring the path to its last tier
    private const double SampleSeconds = 0.15; // shorter runs are repeated: a preemption of a few ms is then a small part

    /// <summary>Seconds a run, by contender and round.</summary>
    /// <param name="contenders">What is timed.</param>
    /// <param name="budget">Seconds after which no new round begins, once there are enough.</param>
    /// <param name="warmUp">Seconds that each runs before.</param>
    public static double[][] Measure(IReadOnlyList<Contender> contenders, double budget, double warmUp = WarmUpSeconds)
    {
        int[] repeats = [.. contenders.Select(c => Math.Max(1, (int)Math.Ceiling(SampleSeconds / WarmUp(c.Run, warmUp))))];
        List<double>[] seconds = [.. contenders.Select(_ => new List<double>())];
        long start = Stopwatch.GetTimestamp();
        for (int round = 0; round < MostRounds && (round < FewestRounds || Stopwatch.GetElapsedTime(start).TotalSeconds < budget); round++)
        {
            for (int turn = 0; turn < contenders.Count; turn++)
            {
                int i = round % 2 == 0 ? turn : contenders.Count - 1 - turn;
                seconds[i].Add(Sample(contenders[i].Run, repeats[i]));
            }
        }
        return [.. seconds.Select(s => s.ToArray())];
    }

    /// <summary>The middle one of the values, or the mean of the two in the middle.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>Runs until caches, pools and code are as they will be, at least once; returns the shortest run.</summary>
    private static double WarmUp(Action run, double seconds)
    {
        long start = Stopwatch.GetTimestamp();
        double shortest = double.MaxValue;
        do
            shortest = Math.Min(shortest, Time(run, 1));
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds);
        return shortest;
    }

    private static double Sample(Action run, int repeats)
    {
        WaitForIdleThreads();
        if (repeats > 1)
            run(); // the caches hold the other contender's numbers, and our own threads sleep
        return Time(run, repeats);
    }

    private static double Time(Action run, int repeats)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
            run();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
    }

    /// <summary>Waits until this process rests: worker threads spin for a while after their last job and would take the other's core.</summary>
    private static void WaitForIdleThreads()
    {
        const int MostPauses = 30;
        for (int pause = 0; pause < MostPauses; pause++)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            Thread.Sleep(10);
            if (Environment.CpuUsage.TotalTime - before < TimeSpan.FromMilliseconds(2))
                return;
        }
    }
}
