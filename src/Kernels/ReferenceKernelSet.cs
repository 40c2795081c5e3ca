namespace Graft.Kernels;

/// <summary>The specification: one thread, plain loops, sums in double where the order would matter.</summary>
internal sealed class ReferenceKernelSet : KernelSet
{
    public override string Name => "reference";

    public override MemoryKernels Memory { get; } = new HostMemoryKernels();
}
