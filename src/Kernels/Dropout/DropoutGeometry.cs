namespace Graft.Kernels;

/// <summary>Dropout over x [Count].</summary>
/// <param name="Count">Number of elements.</param>
/// <param name="Rate">Share that becomes 0: from 0 to below 1.</param>
/// <param name="Seed">Key of the random stream.</param>
public readonly record struct DropoutGeometry(long Count, float Rate, ulong Seed)
{
    /// <summary>What the elements that stay are multiplied by, so that the expectation stays.</summary>
    public float Scale => 1 / (1 - Rate);
}
