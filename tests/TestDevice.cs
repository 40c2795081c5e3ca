using System.Runtime.CompilerServices;
using Graft.Kernels;

namespace Graft.Tests;

/// <summary>
/// Tests build models without naming a device: these live on the processor also where there is a GPU, or the emulated one is loaded, unless the run names another. What
/// tests of CUDA use, they name. Where compiled kernels are kept is settled at the start too: tests of downloads move the other caches while kernels are compiled beside them.
/// Programs that tests start do not watch their methods in order to compile them better, as this one does not (Tests.csproj), do not map compiled code
/// twice to guard it, and collect garbage without a thread of its own.
/// </summary>
internal static class TestDevice
{
    /// <summary>What names the default device.</summary>
    public const string Variable = "GRAFT_DEVICE";

    /// <summary>What names the folder of compiled kernels.</summary>
    public const string KernelsVariable = "GRAFT_CUDA_CACHE";

    private static readonly string[] s_offInPrograms = ["DOTNET_TieredPGO", "DOTNET_EnableWriteXorExecute", "DOTNET_gcConcurrent"]; // a program that runs for a second is done sooner without

    /// <summary>True where the run names no folder of compiled kernels.</summary>
    public static bool ChoosesKernels { get; private set; }

    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255", Justification = "The test program is an application: it must choose before any test makes a parameter.")]
    internal static void Choose()
    {
        if (Environment.GetEnvironmentVariable(Variable) is null && Environment.GetEnvironmentVariable("GRAFT_KERNELS") is null)
            Environment.SetEnvironmentVariable(Variable, Device.Cpu.Name);
        ChoosesKernels = Environment.GetEnvironmentVariable(KernelsVariable) is null;
        if (ChoosesKernels)
            Environment.SetEnvironmentVariable(KernelsVariable, Path.Combine(CacheFolder.Own(Environment.GetEnvironmentVariable), "cuda")); // the default
        foreach (string variable in s_offInPrograms.Where(v => Environment.GetEnvironmentVariable(v) is null))
            Environment.SetEnvironmentVariable(variable, "0");
    }
}
