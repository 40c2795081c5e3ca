namespace Graft.Kernels;

/// <summary>SIMD on the worker pool; needs nothing but the runtime.</summary>
internal sealed class CpuKernelSet : KernelSet
{
    public override string Name => "cpu";

    public override MemoryKernels Memory { get; } = new HostMemoryKernels();
}
