using Graft.Kernels;

namespace Graft.Memory;

/// <summary>
/// Memory of one device, kept between steps: a block that is given back is handed out again, so that the steady state
/// neither asks the operating system nor touches fresh pages (a page fault costs more than a small op).
/// </summary>
/// <remarks>Sizes are rounded up to one of eight steps a power of two, which wastes at most an eighth. Where the device runs short of memory, what is kept is given back.</remarks>
public sealed class BlockPool
{
    private const int Smallest = 256;

    private readonly MemoryKernels _memory;
    private readonly Dictionary<long, Stack<nint>> _free = [];
    private readonly Lock _lock = new();

    internal BlockPool(MemoryKernels memory)
    {
        _memory = memory;
        memory.WhenShort(Trim);
    }

    /// <summary>Blocks now in use; back where it was at the end of every test and of every training step.</summary>
    public int LiveBlocks { get; private set; }

    /// <summary>Bytes now in use.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>The most bytes that were in use at once.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Bytes kept for reuse.</summary>
    public long CachedBytes { get; private set; }

    internal Block Rent(long bytes)
    {
        long size = _memory.IsOneToOne ? bytes : RoundUp(bytes);
        lock (_lock)
        {
            LiveBlocks++;
            LiveBytes += size;
            PeakBytes = Math.Max(PeakBytes, LiveBytes);
            if (_free.TryGetValue(size, out Stack<nint>? blocks) && blocks.TryPop(out nint address))
            {
                CachedBytes -= size;
                return new Block(this, address, size);
            }
        }
        try
        {
            return new Block(this, _memory.Allocate(size), size);
        }
        catch
        {
            lock (_lock)
            {
                LiveBlocks--;
                LiveBytes -= size;
            }
            throw;
        }
    }

    internal void Return(nint address, long size)
    {
        lock (_lock)
        {
            LiveBlocks--;
            LiveBytes -= size;
            if (_memory.IsOneToOne)
            {
                _memory.Free(address);
                return;
            }
            CachedBytes += size;
            if (!_free.TryGetValue(size, out Stack<nint>? blocks))
                _free.Add(size, blocks = []);
            blocks.Push(address);
        }
    }

    /// <summary>Forgets the peak so far.</summary>
    internal void RestartPeak()
    {
        lock (_lock)
            PeakBytes = LiveBytes;
    }

    /// <summary>Gives all cached blocks back to the system.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            foreach (Stack<nint> blocks in _free.Values)
            {
                foreach (nint address in blocks)
                    _memory.Free(address);
            }
            _free.Clear();
            CachedBytes = 0;
            _memory.Trim();
        }
    }

    private static long RoundUp(long bytes)
    {
        if (bytes <= Smallest)
            return Smallest;
        long step = Math.Max(Smallest, 1L << (63 - long.LeadingZeroCount(bytes) - 3 is var s && s > 0 ? (int)s : 0));
        return (bytes + step - 1) / step * step;
    }
}
