namespace Graft.Importers.Downloads;

/// <summary>A download that failed or was refused. The message names the address, what came, what was due, and what is left on disk.</summary>
public sealed class DownloadException : GraftException
{
    /// <summary>Makes an exception without a message.</summary>
    public DownloadException()
    {
    }

    /// <summary>Makes an exception with a message.</summary>
    public DownloadException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a message and the exception behind it.</summary>
    public DownloadException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
