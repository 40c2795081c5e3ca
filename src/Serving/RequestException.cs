namespace Graft.Serving;

/// <summary>A request that cannot be answered: what was found, what was expected, how to mend it, for the one who sent it.</summary>
/// <param name="status">HTTP's status: 4xx, or 503 where it is worth coming back.</param>
/// <param name="message">The words.</param>
internal sealed class RequestException(int status, string message) : Exception(message)
{
    /// <summary>HTTP's status.</summary>
    public int Status => status;
}
