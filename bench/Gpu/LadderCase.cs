using Graft.Bench.Suite;
using Graft.Kernels;
using Graft.Kernels.Cuda;

namespace Graft.Bench.Gpu;

/// <summary>One way to compute an op on a GPU.</summary>
/// <param name="Name">"naive", "own", "own tiles", "cuBLAS", "cuDNN", "cuDNN persistent".</param>
/// <param name="UsesCudnn">False for the kernels that serve where cuDNN is not there.</param>
/// <param name="Make">Makes a run for so many samples; null for what the op's case says.</param>
internal sealed record Rung(string Name, bool UsesCudnn = true, Func<CudaKernelSet, Workspace, int, Action>? Make = null)
{
    /// <summary>True for a call of cuDNN alone, which is left out where that is not installed.</summary>
    public bool IsCudnn => Name.StartsWith("cuDNN", StringComparison.Ordinal);

    /// <summary>True where a call of cuDNN alone failed because it has nothing for these sizes: a status from 3000 to 3999, or no algorithm.</summary>
    public bool IsRefusedBy(Exception e) => IsCudnn && e is NotSupportedException or CudaException { Status: >= 3000 and < 4000 };
}

/// <summary>An op at one size, and the ways to compute it from the plainest to the library's.</summary>
/// <param name="Op">Sizes, the engine's call, and how results are compared.</param>
/// <param name="Rungs">The ways.</param>
internal sealed record LadderCase(OpCase Op, params Rung[] Rungs);
