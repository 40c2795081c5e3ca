namespace Graft.Kernels.Cuda;

/// <summary>An op was run on a GPU for which its CUDA kernels are not written yet; the message names it.</summary>
public sealed class MissingKernelException : GraftException
{
    /// <summary>Makes an exception without a message.</summary>
    public MissingKernelException()
    {
    }

    /// <summary>Makes an exception with a message.</summary>
    public MissingKernelException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a message and the exception behind it.</summary>
    public MissingKernelException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
