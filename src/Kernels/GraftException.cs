namespace Graft;

/// <summary>
/// Bad input that the user can mend: the message names the file or tensor, what was found, what was expected, and how to
/// mend it. The command line prints it as one line, without a stack trace.
/// </summary>
public class GraftException : Exception
{
    /// <summary>Makes an exception without a message.</summary>
    public GraftException()
    {
    }

    /// <summary>Makes an exception with a message.</summary>
    public GraftException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a message and the exception behind it.</summary>
    public GraftException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
