using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>Work of the compute stream, noted down once and launched as a whole as often as wanted: the host's cost of many small kernels is paid once.</summary>
/// <remarks>
/// Arguments and addresses are those of the recording: the blocks must outlive the graph. The work waits for nothing, and neither reads numbers back nor
/// brings any from the host's memory.
/// </remarks>
internal sealed class CudaGraph : RecordedWork
{
    private readonly CudaContext _context;
    private readonly CUgraphExec _executable;
    private readonly nint _scratch;
    private readonly IReadOnlyList<CudaCheck> _checks;

    private CudaGraph(CudaContext context, CUgraphExec executable, int count, CudaRecording recording)
    {
        (_context, _executable, Count, _scratch, _checks) = (context, executable, count, recording.Scratch, recording.Checks);
    }

    public override int Count { get; }

    /// <summary>Runs work once, watching it, and then notes it down, which runs nothing.</summary>
    /// <param name="context">The GPU.</param>
    /// <param name="work">Does the same each time, on blocks that stay where they are. In its first run modules and libraries may be loaded.</param>
    /// <param name="obstacle">Why there is no graph; empty where there is one.</param>
    /// <returns>Null where the work cannot be noted down; it ran all the same.</returns>
    /// <exception cref="CudaException">The work failed, or the driver refused the graph; nothing is left behind.</exception>
    public static CudaGraph? RunAndRecord(CudaContext context, Action work, out string obstacle)
    {
        obstacle = context.Options switch
        {
            { UsesGraphs: false } => "GRAFT_CUDA_GRAPHS is off",
            { Synchronizes: true } => "GRAFT_CUDA_SYNC waits after each kernel",
            _ => "",
        };
        if (obstacle.Length > 0)
        {
            work();
            return null;
        }
        CudaRecording? recording = null;
        CudaGraph? graph = null;
        try
        {
            (graph, obstacle) = context.Record(own => RunAndCapture(context, recording = own, work));
            return graph;
        }
        finally
        {
            if (graph is null && recording is not null)
                Drop(context, recording.Scratch, recording.Checks);
        }
    }

    public override void Launch()
    {
        _context.Use();
        if (_checks.Count > 0)
            _context.Checks.Settle(_checks);
        Check.Ok(Driver.cuGraphLaunch(_executable, _context.Stream.Handle));
        foreach (CudaCheck check in _checks)
            _context.Checks.Expect(check);
    }

    public override void Dispose()
    {
        _context.Use();
        Check.Ok(Driver.cuGraphExecDestroy(_executable));
        Drop(_context, _scratch, _checks);
    }

    public override string ToString() => $"CUDA graph: {Count} kernels and copies";

    private static (CudaGraph? Graph, string Obstacle) RunAndCapture(CudaContext context, CudaRecording recording, Action work)
    {
        work();
        recording.EndRun();
        if (recording.Obstacle is { } obstacle)
            return (null, obstacle);
        CUstream stream = recording.Begin().Handle;
        Check.Ok(Driver.cuStreamBeginCapture_v2(stream, CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)); // other threads may go on
        CUgraph graph;
        CUresult status;
        try
        {
            work();
        }
        catch (Exception e)
        {
            // A capture that failed must be ended too; the fault that is thrown on is the one to hear of.
            status = Driver.cuStreamEndCapture(stream, out graph);
            if (status == CUresult.CUDA_SUCCESS)
                Check.Ok(Driver.cuGraphDestroy(graph));
            if (e is not CudaException || !IsRefusal(status))
                throw;
            return (null, $"a graph cannot hold it: {e.Message}");
        }
        status = Driver.cuStreamEndCapture(stream, out graph);
        if (IsRefusal(status))
            return (null, $"a graph cannot hold it: {Check.Describe(status)}");
        Check.Ok(status, "cuStreamEndCapture(stream, out graph)");
        try
        {
            int count = CountOf(graph);
            Check.Ok(Driver.cuGraphInstantiateWithFlags(out CUgraphExec executable, graph, 0));
            return (new CudaGraph(context, executable, count, recording), "");
        }
        finally
        {
            Check.Ok(Driver.cuGraphDestroy(graph));
        }
    }

    private static unsafe int CountOf(CUgraph graph)
    {
        nuint count = 0;
        Check.Ok(Driver.cuGraphGetNodes(graph, null, ref count));
        return (int)count;
    }

    /// <summary>The statuses of work that cannot be captured.</summary>
    private static bool IsRefusal(CUresult status) => status is >= CUresult.CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED and <= CUresult.CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;

    private static void Drop(CudaContext context, nint scratch, IReadOnlyList<CudaCheck> checks)
    {
        if (scratch != 0)
            context.Memory.Free(scratch);
        foreach (CudaCheck check in checks)
            context.Checks.Return(check);
    }
}
