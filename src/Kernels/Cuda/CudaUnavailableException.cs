namespace Graft.Kernels.Cuda;

/// <summary>CUDA was asked for and cannot be had here; the message is the report of <see cref="CudaDiagnosis"/>.</summary>
public sealed class CudaUnavailableException : GraftException
{
    /// <summary>Makes an exception without a message.</summary>
    public CudaUnavailableException()
    {
    }

    /// <summary>Makes an exception with a message.</summary>
    public CudaUnavailableException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a message and the exception behind it.</summary>
    public CudaUnavailableException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
