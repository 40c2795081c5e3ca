using Graft.Bench.Quick;
using Graft.Kernels.Cuda;

namespace Graft.Bench.Gpu;

/// <summary>Times work on a GPU by its own clock: warmed up, the median of several samples of some runs each.</summary>
/// <param name="context">The GPU.</param>
/// <param name="isOnce">True takes one sample of one run, without warming up.</param>
internal sealed class GpuClock(CudaContext context, bool isOnce)
{
    /// <summary>Seconds before steps of training are timed, of which each is hundreds of calls of the host.</summary>
    public const double StepWarmUp = 2;

    private const double SampleSeconds = 0.02;
    private const int FewestSamples = 5, MostSamples = 21, MostRuns = 2000;

    /// <summary>A row with the times of a run.</summary>
    /// <param name="row">What it is.</param>
    /// <param name="run">What is timed; it has run once before.</param>
    /// <param name="budget">Seconds after which no sample begins, once there are enough.</param>
    /// <param name="warmUp">Seconds of running before: the work of a host takes a second or two until the JIT has compiled it well.</param>
    public GpuRow Measure(GpuRow row, Action run, double budget = 0.6, double warmUp = 0.1)
    {
        using var watch = new CudaStopwatch(context);
        List<double> seconds = [];
        double shortest = watch.Seconds(run, 1), spent = 0;
        while (!isOnce && (spent += shortest) < warmUp)
            shortest = Math.Min(shortest, watch.Seconds(run, 1));
        int runs = isOnce ? 1 : (int)Math.Clamp(SampleSeconds / Math.Max(shortest, 1e-6), 1, MostRuns);
        spent = 0;
        while (seconds.Count < (isOnce ? 1 : MostSamples) && (seconds.Count < FewestSamples || spent < budget))
        {
            double sample = watch.Seconds(run, runs);
            spent += sample;
            seconds.Add(Math.Max(sample / runs, 1e-9)); // the emulator's clock may stand still
        }
        return row with { Seconds = PairedRounds.Median(seconds), Fastest = seconds.Min(), Slowest = seconds.Max() };
    }
}
