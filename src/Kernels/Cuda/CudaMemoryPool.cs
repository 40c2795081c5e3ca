using System.Globalization;
using Graft.Kernels.Cuda.Native;

namespace Graft.Kernels.Cuda;

/// <summary>
/// Memory of one GPU, in the order of its compute stream: a block that is given back serves the next that is taken, as all kernels run one after the
/// other. The driver's pool keeps what is given back until <see cref="Trim"/>.
/// </summary>
/// <remarks>
/// Scratch of kernels is taken and given back hundreds of times a step, in the same sizes each step. Asking the driver's pool each time would cost the host as much as the launches: blocks
/// that were lent stay here, by their size, and go out again without a call.
/// </remarks>
internal sealed class CudaMemoryPool : IDisposable
{
    private readonly CudaContext _context;
    private readonly CUmemoryPool _pool;
    private readonly bool _hasPool;
    private const int KeptShare = 16; // of the GPU's memory, at most, lies here to be lent again

    private readonly Dictionary<nint, long> _live = [];
    private readonly Dictionary<long, Stack<nint>> _kept = []; // by size
    private readonly Lock _lock = new();

    public CudaMemoryPool(CudaContext context, int device)
    {
        _context = context;
        Check.Ok(Driver.cuDeviceGetAttribute(out int supported, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, device));
        _hasPool = supported != 0;
        if (!_hasPool)
            return;
        Check.Ok(Driver.cuDeviceGetDefaultMemPool(out _pool, device));
        ulong keepAll = ulong.MaxValue; // the default gives everything back to the system at each synchronisation
        Check.Ok(Driver.cuMemPoolSetAttribute(_pool, CUmemPool_attribute.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, ref keepAll));
    }

    /// <summary>Gives back what others took here and keep for reuse; called before memory is said to be out.</summary>
    public event Action? WhenShort;

    /// <summary>Bytes that wait to be lent again.</summary>
    public long KeptBytes { get; private set; }

    /// <summary>Bytes that are taken.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>The most bytes that were taken at once.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Blocks that are taken.</summary>
    public int LiveBlocks => _live.Count;

    /// <summary>Bytes that the driver's pool holds, taken or not; those that are taken where there is no pool.</summary>
    public long ReservedBytes
    {
        get
        {
            if (!_hasPool)
                return LiveBytes;
            Check.Ok(Driver.cuMemPoolGetAttribute(_pool, CUmemPool_attribute.CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT, out ulong bytes));
            return (long)bytes;
        }
    }

    /// <summary>Takes a block; work of the compute stream may use it from now on. Work that is recorded takes it from the recording.</summary>
    /// <exception cref="CudaOutOfMemoryException">There is not enough; nothing is changed.</exception>
    public nint Allocate(long bytes) => _context.Recording is { } recording ? recording.Take(bytes) : AllocateApart(bytes);

    /// <summary>The same whatever is recorded.</summary>
    public nint AllocateApart(long bytes)
    {
        _context.Use();
        CUresult status = TryAllocate(bytes, out ulong address);
        if (status == CUresult.CUDA_ERROR_OUT_OF_MEMORY)
        {
            GiveBack();
            status = TryAllocate(bytes, out address);
        }
        if (status == CUresult.CUDA_ERROR_OUT_OF_MEMORY)
            throw OutOfMemory(bytes);
        if (status != CUresult.CUDA_SUCCESS)
            Check.Ok(status, string.Create(CultureInfo.InvariantCulture, $"cuMemAllocAsync({bytes} bytes)"));
        lock (_lock)
            Note((nint)address, bytes);
        return (nint)address;
    }

    /// <summary>Gives back all that is kept for reuse, here and by others: the driver, or a library that asks it by itself, was short of memory.</summary>
    public void GiveBack()
    {
        WhenShort?.Invoke();
        Trim(); // what the pool holds in pieces that do not fit may fit as a whole
    }

    /// <summary>What is thrown where a library had too little memory for its own.</summary>
    public CudaOutOfMemoryException OutOfMemoryOf(string library)
    {
        (long free, long total) = Room();
        return new CudaOutOfMemoryException($"{library} could not get what it needs", 0, free, total, LiveBytes, _context.Info);
    }

    /// <summary>Takes a block for the kernels of one call, which comes back by <see cref="TakeBack"/>.</summary>
    /// <inheritdoc cref="Allocate"/>
    public nint Lend(long bytes)
    {
        if (!Keeps)
            return Allocate(bytes);
        lock (_lock)
        {
            if (_kept.TryGetValue(bytes, out Stack<nint>? blocks) && blocks.TryPop(out nint address))
            {
                KeptBytes -= bytes;
                Note(address, bytes);
                return address;
            }
        }
        return AllocateApart(bytes);
    }

    /// <summary>Takes back what was lent. The next to whom it is lent hands its work in behind that of the last.</summary>
    public void TakeBack(nint address, long bytes)
    {
        if (!Keeps)
        {
            Free(address);
            return;
        }
        lock (_lock)
        {
            Forget(address);
            long most = _context.Info.Memory / KeptShare;
            if (KeptBytes + bytes > most)
                GiveBackKept(); // sizes that come no more do not stay for good
            if (bytes > most)
            {
                Release(address);
                return;
            }
            if (!_kept.TryGetValue(bytes, out Stack<nint>? blocks))
                _kept.Add(bytes, blocks = []);
            blocks.Push(address);
            KeptBytes += bytes;
        }
    }

    /// <summary>Gives a block back; work that was handed in before still has it.</summary>
    public void Free(nint address)
    {
        if (_context.Recording?.Return(address) == true)
            return;
        _context.Use();
        lock (_lock)
            Forget(address);
        Release(address);
    }

    /// <summary>Waits for all work and gives what is not taken back to the system.</summary>
    public void Trim()
    {
        if (!_hasPool && _kept.Count == 0)
            return;
        _context.Synchronize();
        if (_kept.Count > 0)
        {
            lock (_lock)
                GiveBackKept();
            _context.Synchronize();
        }
        if (!_hasPool)
            return;
        Check.Ok(Driver.cuMemPoolTrimTo(_pool, 0));
    }

    /// <inheritdoc/>
    public void Dispose() => Trim();

    /// <summary>Not where tools watch each block, nor while work is recorded: the recording has places of its own for what the work takes.</summary>
    private bool Keeps => !_context.Options.IsOneToOne && _context.Recording is null;

    private void Note(nint address, long bytes)
    {
        _live.Add(address, bytes);
        LiveBytes += bytes;
        PeakBytes = Math.Max(PeakBytes, LiveBytes);
    }

    private void Forget(nint address)
    {
        if (!_live.Remove(address, out long bytes))
            throw new CudaException(string.Create(CultureInfo.InvariantCulture, $"0x{address:x} is given back, but it is no block of {_context.Info.Name} that is taken."));
        LiveBytes -= bytes;
    }

    private void GiveBackKept()
    {
        foreach (Stack<nint> blocks in _kept.Values)
        {
            while (blocks.TryPop(out nint address))
                Release(address);
        }
        _kept.Clear();
        KeptBytes = 0;
    }

    private void Release(nint address)
    {
        if (_hasPool)
            Check.Ok(Driver.cuMemFreeAsync((ulong)address, _context.Stream.Handle));
        else
            Check.Ok(Driver.cuMemFree_v2((ulong)address));
    }

    private CUresult TryAllocate(long bytes, out ulong address) =>
        _hasPool ? Driver.cuMemAllocAsync(out address, (nuint)Math.Max(bytes, 1), _context.Stream.Handle) : Driver.cuMemAlloc_v2(out address, (nuint)Math.Max(bytes, 1));

    private CudaOutOfMemoryException OutOfMemory(long bytes)
    {
        (long free, long total) = Room();
        return new CudaOutOfMemoryException($"{CudaOutOfMemoryException.Mebibytes(bytes)} asked for", bytes, free, total, LiveBytes, _context.Info);
    }

    private static (long Free, long Total) Room()
    {
        Check.Ok(Driver.cuMemGetInfo_v2(out nuint free, out nuint total));
        return ((long)free, (long)total);
    }
}
