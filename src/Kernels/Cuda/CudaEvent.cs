using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>A point in a stream that others wait for. Before it is recorded, waiting for it is over at once.</summary>
internal sealed class CudaEvent : IDisposable
{
    /// <summary>A new event of the context that is current on this thread.</summary>
    public CudaEvent()
    {
        Check.Ok(Driver.cuEventCreate(out CUevent made, CUevent_flags.CU_EVENT_DISABLE_TIMING)); // without times it costs less
        Handle = made;
    }

    /// <summary>The driver's handle.</summary>
    public CUevent Handle { get; }

    /// <summary>Sets the point: all work of the stream so far.</summary>
    public void Record(CudaStream stream) => Check.Ok(Driver.cuEventRecord(Handle, stream.Handle));

    /// <summary>True where all work before the point is done; the host does not wait.</summary>
    public bool IsPast
    {
        get
        {
            CUresult status = Driver.cuEventQuery(Handle);
            if (status != CUresult.CUDA_ERROR_NOT_READY)
                Check.Ok(status, "cuEventQuery(event)");
            return status == CUresult.CUDA_SUCCESS;
        }
    }

    /// <summary>Waits on the host.</summary>
    public void Synchronize() => Check.Ok(Driver.cuEventSynchronize(Handle));

    /// <inheritdoc/>
    public void Dispose() => Check.Ok(Driver.cuEventDestroy_v2(Handle));
}
