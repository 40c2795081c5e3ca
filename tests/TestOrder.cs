using Graft.Tests.CudaEmulator;
using Xunit.Sdk;
using Xunit.v3;

[assembly: Xunit.TestCollectionOrderer(typeof(Graft.Tests.TestOrder))]

namespace Graft.Tests;

/// <summary>The longest collections begin first, so that none of them is left over for one processor while the others wait.</summary>
public sealed class TestOrder : ITestCollectionOrderer
{
    private static readonly string[] s_longest = [CudaEmulatorCollection.Name, "command line"];

    /// <inheritdoc/>
    public IReadOnlyCollection<T> OrderTestCollections<T>(IReadOnlyCollection<T> testCollections)
        where T : ITestCollection =>
        [.. testCollections.OrderBy(c => Array.IndexOf(s_longest, c.TestCollectionDisplayName) is var place && place >= 0 ? place : s_longest.Length)];
}
