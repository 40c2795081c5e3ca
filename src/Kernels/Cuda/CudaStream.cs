using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>Work in order. It has no order with other streams, the legacy stream 0 among them, but by <see cref="CudaEvent"/>.</summary>
internal sealed class CudaStream : IDisposable
{
    /// <summary>A new stream of the context that is current on this thread.</summary>
    public CudaStream()
    {
        Check.Ok(Driver.cuStreamCreate(out CUstream stream, CUstream_flags.CU_STREAM_NON_BLOCKING));
        Handle = stream;
    }

    /// <summary>The driver's handle.</summary>
    public CUstream Handle { get; }

    /// <summary>Waits on the host for all work so far; faults of that work show here.</summary>
    public void Synchronize() => Check.Ok(Driver.cuStreamSynchronize(Handle));

    /// <summary>Work handed in from now on waits for an event.</summary>
    public void WaitFor(CudaEvent other) => Check.Ok(Driver.cuStreamWaitEvent(Handle, other.Handle, 0));

    /// <inheritdoc/>
    public void Dispose() => Check.Ok(Driver.cuStreamDestroy_v2(Handle));
}
