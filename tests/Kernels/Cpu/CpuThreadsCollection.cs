using Xunit;

namespace Graft.Tests.Kernels.Cpu;

/// <summary>Tests that set the number of threads of the whole process, or need the worker pool to themselves, run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class CpuThreadsCollection
{
    public const string Name = "CpuThreads";
}
