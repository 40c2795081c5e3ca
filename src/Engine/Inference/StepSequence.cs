using System.Diagnostics;
using Graft.Kernels;

namespace Graft.Inference;

/// <summary>
/// Steps of a plan that run one after the other. Where the device records work, the first run records them, and later runs are one launch; else each
/// step runs and is timed. What stood in the way of the first may be gone at the second, as where a library tries its routines when they are first used.
/// </summary>
internal sealed class StepSequence(PlanStep[] steps, KernelSet kernels) : IDisposable
{
    private const int MostTries = 2;

    private RecordedWork? _recorded;
    private int _tries;
    private string _obstacle = "";

    /// <summary>What a run is: "CUDA graph: 12 kernels and copies", or why not; empty where nothing was to be recorded or has run.</summary>
    public string Description => _recorded is not null ? $"{_recorded}, one launch a run" : _obstacle.Length > 0 ? $"No CUDA graph: {_obstacle}" : "";

    /// <summary>Runs all steps.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled: between two steps, or before recorded ones.</exception>
    public void Run(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_recorded is not null)
            _recorded.Launch();
        else if (steps.Length > 0 && kernels.Records && _tries++ < MostTries)
            _recorded = kernels.RunAndRecord(RunSteps, out _obstacle);
        else
            RunTimed(cancellationToken);
    }

    public void Dispose()
    {
        _recorded?.Dispose();
        _recorded = null;
    }

    private void RunSteps()
    {
        foreach (PlanStep step in steps)
            step.Run();
    }

    private void RunTimed(CancellationToken cancellationToken)
    {
        foreach (PlanStep step in steps)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            step.Run();
            step.Note(Stopwatch.GetTimestamp() - start);
        }
    }
}
