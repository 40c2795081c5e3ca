namespace Graft.Kernels;

/// <summary>
/// All routines of one backend: one property an op, so that the compiler asks each backend for each op. There are three:
/// Reference (plain loops, the specification), Cpu (SIMD, threaded) and Cuda.
/// </summary>
public abstract class KernelSet
{
    /// <summary>Plain loops on the host: what the others are tested against.</summary>
    public static KernelSet Reference { get; } = new ReferenceKernelSet();

    /// <summary>Vectorised and threaded, on the host.</summary>
    public static KernelSet Cpu { get; } = new CpuKernelSet();

    /// <summary>Name for people: "reference", "cpu", "cuda".</summary>
    public abstract string Name { get; }

    /// <summary>Blocks and copies.</summary>
    public abstract MemoryKernels Memory { get; }
}
