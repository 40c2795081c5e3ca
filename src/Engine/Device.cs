using Graft.Kernels;
using Graft.Memory;

namespace Graft;

/// <summary>Where tensors live and ops run: a kernel set with its pool of memory.</summary>
public sealed class Device
{
    private Device(KernelSet kernels)
    {
        Kernels = kernels;
        Pool = new BlockPool(kernels.Memory);
    }

    /// <summary>This machine's processor, by SIMD kernels on a pool of threads.</summary>
    public static Device Cpu { get; } = new(KernelSet.Cpu);

    /// <summary>This machine's processor, by plain loops: slow, the specification of all others.</summary>
    public static Device Reference { get; } = new(KernelSet.Reference);

    /// <summary>
    /// The device that a model is built on when none is named: <see cref="Cpu"/>, or <see cref="Reference"/> where the
    /// environment variable GRAFT_KERNELS is "reference".
    /// </summary>
    public static Device Default { get; } =
        Environment.GetEnvironmentVariable("GRAFT_KERNELS") == "reference" ? Reference : Cpu;

    /// <summary>Name for people.</summary>
    public string Name => Kernels.Name;

    /// <summary>The routines that ops run.</summary>
    public KernelSet Kernels { get; }

    /// <summary>Memory and its counters.</summary>
    public BlockPool Pool { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
