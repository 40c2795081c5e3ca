namespace Graft.Inference;

/// <summary>How Fit keeps what a frozen base computes: once for each sample, for all epochs.</summary>
/// <remarks>
/// Training is the same with and without it, to the last bit. It serves data sets that deliver the same numbers in every epoch
/// (<see cref="Training.BatchSource.IsDeterministic"/>); with random augmentation it is off unless <see cref="AugmentedCopies"/> asks for a number of
/// variants.
/// </remarks>
public sealed record FeatureCacheOptions
{
    /// <summary>In memory up to 1 GiB a data set, then in a temporary file.</summary>
    public static FeatureCacheOptions Default { get; } = new();

    /// <summary>The base runs at every step.</summary>
    public static FeatureCacheOptions Off { get; } = new() { IsEnabled = false };

    /// <summary>False runs the base at every step.</summary>
    public bool IsEnabled { get; init; } = true;

    /// <summary>Bytes of features that are kept in memory for one data set; more go into a file.</summary>
    public long MemoryBudget { get; init; } = 1L << 30;

    /// <summary>
    /// Folder of a file that later runs use again, named after a digest of weights, graph and data; null keeps nothing after Fit. A file that is
    /// damaged or belongs to something else is not used but written anew. Where the frozen part has a layer that is not the engine's, nothing is kept: a digest does
    /// not see its code, and what old code computed would pass for what the new one computes. The history then says so.
    /// </summary>
    public string? Folder { get; init; }

    /// <summary>
    /// With random augmentation: how many variants of every sample are kept; epoch e trains on variant e modulo this number. 0 draws new variants in
    /// every epoch, without a cache.
    /// </summary>
    public int AugmentedCopies { get; init; }
}
