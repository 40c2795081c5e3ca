using System.Globalization;

namespace Graft.Kernels.Cuda;

/// <summary>A GPU has not got the memory that was asked for. What asked for it failed as a whole; the engine can be used on, with less.</summary>
public sealed class CudaOutOfMemoryException : CudaException
{
    /// <summary>Makes an exception without a message.</summary>
    public CudaOutOfMemoryException()
    {
    }

    /// <summary>Makes an exception with a message.</summary>
    public CudaOutOfMemoryException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a message and the exception behind it, whose numbers it takes.</summary>
    public CudaOutOfMemoryException(string message, Exception innerException)
        : base(message, innerException)
    {
        if (innerException is CudaOutOfMemoryException first)
            (Requested, Free, Total, Live, Status) = (first.Requested, first.Free, first.Total, first.Live, first.Status);
    }

    internal CudaOutOfMemoryException(string what, long requested, long free, long total, long live, CudaDeviceInfo gpu)
        : base($"cuda:{gpu.Index} ({gpu.Name}) is out of memory: {what}, {Mebibytes(free)} free of {Mebibytes(total)}, {Mebibytes(live)} held by this program. "
            + "Use a smaller batch, gradient checkpointing (FitOptions.CheckpointEvery), or end other programs on this GPU (nvidia-smi lists them).")
    {
        (Requested, Free, Total, Live) = (requested, free, total, live);
        Status = (int)Native.CUresult.CUDA_ERROR_OUT_OF_MEMORY;
    }

    /// <summary>Bytes asked for; 0 where a library does not tell.</summary>
    public long Requested { get; }

    /// <summary>Bytes that the GPU has free.</summary>
    public long Free { get; }

    /// <summary>Bytes of the GPU's memory.</summary>
    public long Total { get; }

    /// <summary>Bytes that this program holds on the GPU.</summary>
    public long Live { get; }

    internal static string Mebibytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:N1} MiB");
}
