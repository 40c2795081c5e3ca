using System.Net;

namespace Graft.Serving;

/// <summary>Where a server listens, and how much it takes on.</summary>
public sealed record ServerOptions
{
    /// <summary>The most that MaxBatch may be: what Predict computes at once.</summary>
    public const int LargestBatch = 32;

    /// <summary>Name of the model in paths: <c>/v1/models/NAME</c>. Letters, digits, '.', '_' and '-'.</summary>
    public string Name { get; init; } = "model";

    /// <summary>The address to listen at: by default this machine alone can reach it.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>The port; 0 takes a free one.</summary>
    public int Port { get; init; } = 8080;

    /// <summary>Most samples that are computed together, 1 to <see cref="LargestBatch"/>.</summary>
    public int MaxBatch { get; init; } = 16;

    /// <summary>How long a sample waits for others that are already on their way, at most.</summary>
    public TimeSpan BatchDelay { get; init; } = TimeSpan.FromMilliseconds(2);

    /// <summary>Most samples (for a language model: texts) that are read, wait or are computed at one time; whoever comes then is told to come back.</summary>
    public int Queue { get; init; } = 128;

    /// <summary>Most bytes of a request's body.</summary>
    public long MaxBody { get; init; } = 16 << 20;

    /// <summary>Texts that a language model continues side by side. Each has its keys and values in memory.</summary>
    public int Generations { get; init; } = 4;

    /// <summary>How long requests that are under way may take when the server stops.</summary>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Takes a line for each request; null for none.</summary>
    public Action<string>? Log { get; init; }

    /// <summary>Takes a line for each error that is no fault of the request; null for none.</summary>
    public Action<string>? LogError { get; init; }
}
