using Graft.Kernels;
using Graft.Kernels.Cuda;
using Graft.Memory;

namespace Graft;

/// <summary>Where tensors live and ops run: a kernel set with its pool of memory.</summary>
public sealed class Device
{
    private static readonly Dictionary<int, Device> s_gpus = [];
    private static readonly Lock s_lock = new();
    private static readonly Lazy<(Device Device, string Reason)> s_default = new(() => Choose(Environment.GetEnvironmentVariable));

    /// <summary>A device of its own for a kernel set; those of this machine are the properties.</summary>
    internal Device(KernelSet kernels)
    {
        Kernels = kernels;
        Pool = new BlockPool(kernels.Memory);
    }

    /// <summary>This machine's processor, by SIMD kernels on a pool of threads.</summary>
    public static Device Cpu { get; } = new(KernelSet.Cpu);

    /// <summary>This machine's processor, by plain loops: slow, the specification of all others.</summary>
    public static Device Reference { get; } = new(KernelSet.Reference);

    /// <summary>
    /// The device that a model is built on when none is named: the one that the environment variable GRAFT_DEVICE names (cpu, cuda, cuda:1, reference),
    /// else <see cref="Reference"/> where GRAFT_KERNELS is "reference", else the first GPU where all that CUDA needs is there, else <see cref="Cpu"/>. <see cref="DefaultReason"/> says which and why.
    /// </summary>
    /// <exception cref="GraftException">GRAFT_DEVICE names no device.</exception>
    /// <exception cref="CudaUnavailableException">GRAFT_DEVICE names a GPU that cannot be used, or the first GPU cannot be opened; the message says why.</exception>
    public static Device Default => s_default.Value.Device;

    /// <summary>Why <see cref="Default"/> is what it is.</summary>
    public static string DefaultReason => s_default.Value.Reason;

    /// <summary>Name for people: "cpu", "reference", "cuda:0".</summary>
    public string Name => Kernels.Name;

    /// <summary>The routines that ops run.</summary>
    public KernelSet Kernels { get; }

    /// <summary>Memory and its counters.</summary>
    public BlockPool Pool { get; }

    /// <summary>A GPU; the same object each time.</summary>
    /// <param name="index">Its number in the order of the driver, from 0.</param>
    /// <exception cref="CudaUnavailableException">CUDA cannot be used on this machine, or there is no such GPU; the message is the diagnosis. There is no silent fallback.</exception>
    public static Device Cuda(int index = 0)
    {
        lock (s_lock)
        {
            if (!s_gpus.TryGetValue(index, out Device? gpu))
                s_gpus.Add(index, gpu = new Device(KernelSet.OpenCuda(index)));
            return gpu;
        }
    }

    /// <summary>The device of a name: cpu, reference, cuda (the first GPU), cuda:1.</summary>
    /// <exception cref="GraftException">It names no device.</exception>
    /// <exception cref="CudaUnavailableException">It names a GPU that cannot be used; the message is the diagnosis.</exception>
    public static Device Parse(string name) => name switch
    {
        "cpu" => Cpu,
        "reference" => Reference,
        "cuda" => Cuda(),
        _ when name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), System.Globalization.NumberStyles.None, null, out int index) => Cuda(index),
        _ => throw new GraftException($"'{name}' names no device; there are cpu, cuda (the first GPU), cuda:1 (the second) and reference."),
    };

    /// <summary>The default device under some environment variables.</summary>
    internal static (Device Device, string Reason) Choose(Func<string, string?> variable)
    {
        if (variable("GRAFT_DEVICE") is { Length: > 0 } named)
            return (Parse(named), $"GRAFT_DEVICE is {named}");
        if (variable("GRAFT_KERNELS") == "reference")
            return (Reference, "GRAFT_KERNELS is reference");
        CudaDiagnosis found = CudaDiagnosis.Found;
        return (found.IsUsable ? OpenFirst() : Cpu, found.Outcome);
    }

    private static Device OpenFirst()
    {
        try
        {
            return Cuda();
        }
        catch (CudaException e)
        {
            throw new CudaUnavailableException($"{e.Message}\nThe first GPU is the default device, but it cannot be opened; another program may have it alone. GRAFT_DEVICE=cpu (or --device cpu) runs models on the processor.", e);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
