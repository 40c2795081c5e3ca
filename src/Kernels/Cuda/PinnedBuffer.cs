using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>Memory of the host that stays in place, so that a GPU copies from and to it while the host goes on.</summary>
internal sealed unsafe class PinnedBuffer : IDisposable
{
    /// <summary>Takes memory.</summary>
    /// <param name="bytes">How much.</param>
    public PinnedBuffer(int bytes)
    {
        Check.Ok(Driver.cuMemHostAlloc(out nint address, (nuint)bytes, 0));
        Address = address;
        Size = bytes;
    }

    /// <summary>Where it begins.</summary>
    public nint Address { get; }

    /// <summary>Bytes.</summary>
    public int Size { get; }

    /// <summary>Its bytes; the caller knows that no copy runs.</summary>
    public Span<byte> Bytes => new((void*)Address, Size);

    /// <inheritdoc/>
    public void Dispose() => Check.Ok(Driver.cuMemFreeHost(Address));
}
