namespace Graft.Kernels.Cuda;

/// <summary>A CUDA library refused a call: the message has the call's text, the status's name and number, and the library's words.</summary>
public class CudaException : GraftException
{
    /// <summary>Makes an exception without a message.</summary>
    public CudaException()
    {
    }

    /// <summary>Makes an exception with a message.</summary>
    public CudaException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a message and the exception behind it.</summary>
    public CudaException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The library's status; 0 where the engine itself found the fault.</summary>
    public int Status { get; init; }

    /// <summary>True where the device's context is broken: every later call fails alike, and only a new process helps.</summary>
    public bool IsSticky { get; init; }
}
