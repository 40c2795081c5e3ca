using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using BenchmarkDotNet.Attributes;
using Graft.Bench.Quick;
using Graft.Kernels;
using Graft.Kernels.Cpu;

namespace Graft.Bench.Suite;

/// <summary>
/// The frame of all op benches: every case by every library. Before anything is timed, the first samples of its result are compared with
/// those of the plain loops.
/// </summary>
public abstract class OpBench
{
    private const double WarmUpSeconds = 0.35;

    /// <summary>On a GPU: sums of up to 4608 products in float, and cuDNN may take Winograd's algorithm, which loses two digits; the reference sums in double.</summary>
    private const double CudaTolerance = 2e-4;

    private static readonly ConcurrentDictionary<OpCase, float[]> Expected = [];
    private static readonly ConcurrentDictionary<OpRun, double> Peaks = [];

    private Workspace? _workspace;
    private Peer? _peer;
    private Action _run = () => { };

    /// <summary>What is computed.</summary>
    private protected abstract IReadOnlyList<OpCase> Cases { get; }

    /// <summary>Every case by every library.</summary>
    public IEnumerable<OpRun> Runs => Cases.SelectMany(OpRun.Of);

    /// <summary>The row in work.</summary>
    [ParamsSource(nameof(Runs))]
    public OpRun Run { get; set; } = null!;

    /// <summary>The multiply-add peak in GFLOP/s: the best that was measured before one of the rows, since a neighbour may have hit some.</summary>
    internal static double Peak => Peaks.IsEmpty ? double.NaN : Peaks.Values.Max();

    /// <summary>Opens the library, runs once, compares, and measures the peak.</summary>
    [GlobalSetup]
    public void Setup()
    {
        float[] expected = Expected.GetOrAdd(Run.Case, Reference);
        float[] output = Run.Case.GraftModel is not null && !Run.IsPeer ? Open(Run.Case.GraftModel(Run.Engine == OpRun.Cuda ? Gpu.BenchGpu.Device : Device.Cpu))
            : Run.IsPeer ? Open((Run.Engine == OpRun.Ort ? Run.Case.Ort : Run.Case.Torch)!()) : OpenGraft();
        if (output.Length < expected.Length)
            throw new GraftException($"{Run}: the result has {output.Length} numbers; at least {expected.Length} are due.");
        double deviation = OutputCheck.Deviation(output.AsSpan(0, expected.Length), expected);
        double allowed = Run.Engine == OpRun.Cuda ? Math.Max(CudaTolerance, Run.Case.Tolerance) : Run.Case.Tolerance;
        if (!(deviation <= allowed))
            throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"{Run}: the result deviates from the expected one by {deviation:g3}; {allowed:g3} is allowed. It is not timed."));
        WarmUp();
        Peaks[Run] = FmaPeak.Measure() / 1e9;
    }

    /// <summary>Gives everything back.</summary>
    [GlobalCleanup]
    public void Cleanup()
    {
        _peer?.Dispose();
        _workspace?.Dispose();
        (_peer, _workspace) = (null, null);
        LaneWidth.Current = LaneWidth.Widest;
    }

    /// <summary>Runs until the runtime has compiled everything for the last time.</summary>
    private void WarmUp()
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < WarmUpSeconds)
            _run();
    }

    /// <summary>What is timed.</summary>
    [Benchmark]
    public void Time() => _run();

    private static float[] Reference(OpCase each)
    {
        if (each.Expected is not null)
            return each.Expected();
        using var workspace = new Workspace(KernelSet.Reference.Memory);
        each.Graft(KernelSet.Reference, workspace, each.CheckedBatch)();
        return workspace.Result();
    }

    private float[] OpenGraft()
    {
        LaneWidth.Current = Run.Bits > 0 ? Run.Bits : LaneWidth.Widest;
        // The processor's is a set of its own: it is made for the width that is current.
        KernelSet kernels = Run.Engine switch { OpRun.Reference => KernelSet.Reference, OpRun.Cuda => Gpu.BenchGpu.Device.Kernels, _ => new CpuKernelSet() };
        _workspace = new Workspace(kernels.Memory);
        Action work = Run.Case.Graft(kernels, _workspace, Run.Case.Batch);
        _run = Run.Engine == OpRun.Cuda ? () => { work(); Gpu.BenchGpu.Synchronize(); } : work;
        _run();
        return _workspace.Result();
    }

    /// <summary>What brings its own memory: another library, or a whole model.</summary>
    private float[] Open(Peer peer)
    {
        _peer = peer;
        _run = _peer.Run;
        _run();
        return _peer.Output();
    }
}
