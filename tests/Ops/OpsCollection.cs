using Xunit;

namespace Graft.Tests.Ops;

/// <summary>The op tests run alone: they count live blocks and set the number of threads of the whole process.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class OpsCollection
{
    public const string Name = "Ops";
}
