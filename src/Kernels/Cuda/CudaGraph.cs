using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>Work of the compute stream, noted down once and launched as a whole as often as wanted: the host's cost of many small kernels is paid once.</summary>
/// <remarks>
/// Arguments and addresses are those of the capture: the blocks must outlive the graph. What is captured has run once before, so that modules are
/// loaded and libraries have started; within a capture nothing may be taken, given back, uploaded, downloaded or waited for.
/// </remarks>
internal sealed class CudaGraph : IDisposable
{
    private readonly CudaContext _context;
    private readonly CUgraphExec _executable;

    private CudaGraph(CudaContext context, CUgraphExec executable) => (_context, _executable) = (context, executable);

    /// <summary>Notes down what <paramref name="work"/> hands to the compute stream; nothing of it runs.</summary>
    /// <exception cref="CudaException">The work did what a capture cannot hold.</exception>
    public static CudaGraph Capture(CudaContext context, Action work)
    {
        context.Use();
        CUstream stream = context.Stream.Handle;
        Check.Ok(Driver.cuStreamBeginCapture_v2(stream, CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)); // other threads may go on
        try
        {
            work();
        }
        catch
        {
            // A capture that failed must be ended too; the fault that is thrown on is the one to hear of.
            if (Driver.cuStreamEndCapture(stream, out CUgraph part) == CUresult.CUDA_SUCCESS)
                Check.Ok(Driver.cuGraphDestroy(part));
            throw;
        }
        Check.Ok(Driver.cuStreamEndCapture(stream, out CUgraph graph));
        CUresult status = Driver.cuGraphInstantiateWithFlags(out CUgraphExec executable, graph, 0);
        Check.Ok(Driver.cuGraphDestroy(graph));
        Check.Ok(status, "cuGraphInstantiateWithFlags(out executable, graph, 0)");
        return new CudaGraph(context, executable);
    }

    /// <summary>Runs it in the order of the compute stream.</summary>
    public void Launch()
    {
        _context.Use();
        Check.Ok(Driver.cuGraphLaunch(_executable, _context.Stream.Handle));
    }

    /// <inheritdoc/>
    public void Dispose() => Check.Ok(Driver.cuGraphExecDestroy(_executable));
}
