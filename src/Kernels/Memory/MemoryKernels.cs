namespace Graft.Kernels;

/// <summary>Memory of a device: blocks, and copies between them and the host.</summary>
public abstract class MemoryKernels
{
    /// <summary>A new block, aligned to 64 bytes, contents undefined.</summary>
    /// <exception cref="OutOfMemoryException">The host has no such block.</exception>
    /// <exception cref="Cuda.CudaOutOfMemoryException">The GPU has no such block.</exception>
    public abstract nint Allocate(long bytes);

    /// <summary>
    /// True where a block is to be taken in its exact size and given back at once, so that tools which watch the device's memory see each tensor as a
    /// block of its own; false where the engine keeps blocks for reuse.
    /// </summary>
    public virtual bool IsOneToOne => false;

    /// <summary>Gives a block back.</summary>
    public abstract void Free(nint block);

    /// <summary>Gives what the device itself keeps for reuse back to the system; nothing where it keeps nothing.</summary>
    public virtual void Trim()
    {
    }

    /// <summary>
    /// Says what gives back memory that it keeps for reuse: it is called where the device has no block of a size, whoever asks for it, before that is said to
    /// be out of memory. Nothing where memory does not run short in such a way.
    /// </summary>
    public virtual void WhenShort(Action giveBack)
    {
    }

    /// <summary>Copies host data to the device.</summary>
    public abstract void Upload<T>(ReadOnlySpan<T> source, DevicePtr<T> destination)
        where T : unmanaged;

    /// <summary>Copies device data to the host.</summary>
    public abstract void Download<T>(DevicePtr<T> source, Span<T> destination)
        where T : unmanaged;

    /// <summary>The same, with work that is handed in behind the copy while the host waits for it alone.</summary>
    public virtual void Download<T>(DevicePtr<T> source, Span<T> destination, Action meanwhile)
        where T : unmanaged
    {
        Download(source, destination);
        meanwhile();
    }

    /// <summary>Begins to bring a number to the host, in order with work before and behind it.</summary>
    public virtual PendingNumber Request(DevicePtr<float> source)
    {
        float value = 0;
        Download(source, new Span<float>(ref value));
        return new NumberAtHand(value);
    }

    /// <summary>The numbers themselves, where the host can address them; empty where it cannot.</summary>
    public abstract Span<float> HostSpan(DevicePtr<float> block, int count);

    /// <summary>Copies within the device; the blocks do not overlap.</summary>
    public abstract void Copy<T>(DevicePtr<T> source, DevicePtr<T> destination, long count)
        where T : unmanaged;

    /// <summary>Copies small arrays within the device into one, each behind the one before.</summary>
    public virtual void CopyTogether(ReadOnlySpan<(DevicePtr<float> Source, long Count)> arrays, DevicePtr<float> destination)
    {
        foreach ((DevicePtr<float> source, long count) in arrays)
        {
            Copy(source, destination, count);
            destination = destination.At(count);
        }
    }

    /// <summary>destination = beta * destination + source; beta is 0 (destination is not read) or 1.</summary>
    public abstract void Accumulate(DevicePtr<float> source, DevicePtr<float> destination, long count, float beta);

    /// <summary>Writes one number everywhere.</summary>
    public abstract void Fill(DevicePtr<float> destination, long count, float value);
}
