namespace Graft.Kernels.Cuda;

/// <summary>
/// Work on its way into a <see cref="CudaGraph"/>: it runs once as ever while it is watched, then it is handed to a stream of its own that notes it down.
/// Other threads go on meanwhile; what they hand in is no part of it.
/// </summary>
/// <remarks>
/// Blocks that the work takes and gives back (scratch of kernels, temporaries of ops) would serve others between two launches. So the graph has one block
/// of its own, in which each has the place that watching the first run gave it.
/// </remarks>
internal sealed class CudaRecording(CudaContext context, CudaStream notes)
{
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly Dictionary<nint, long> _taken = [];
    private ScratchLayout _layout = new();
    private long _size;

    /// <summary>True on the thread that records.</summary>
    public bool IsMine => Environment.CurrentManagedThreadId == _thread;

    /// <summary>Where work goes while it is noted down; null while it runs.</summary>
    public CudaStream? Stream { get; private set; }

    /// <summary>What of the work a graph cannot hold; null where it can hold all of it.</summary>
    public string? Obstacle { get; private set; }

    /// <summary>The graph's own block; 0 where the work takes none.</summary>
    public nint Scratch { get; private set; }

    /// <summary>Checks that the work makes, whose answers the host reads later.</summary>
    public List<CudaCheck> Checks { get; } = [];

    /// <summary>The work does what a graph cannot hold.</summary>
    /// <param name="what">"it reads numbers back to the host".</param>
    /// <exception cref="CudaException">It did not do so when it ran first, and is now noted down.</exception>
    public void Refuse(string what)
    {
        if (Stream is not null)
            throw new CudaException($"While work is recorded into a CUDA graph, {what}. It did not do so when it ran before.");
        Obstacle ??= what;
    }

    /// <summary>From here on work is noted down, on the stream that this returns.</summary>
    public CudaStream Begin()
    {
        _size = _layout.Peak;
        _layout = new ScratchLayout();
        if (_size > 0)
            Scratch = context.Memory.AllocateApart(_size);
        return Stream = notes;
    }

    /// <summary>A block for the work: a real one while it runs.</summary>
    public nint Take(long bytes)
    {
        nint address = Stream is null ? context.Memory.AllocateApart(bytes) : 0;
        long place = _layout.Take(bytes);
        if (Stream is not null)
        {
            address = Scratch + (nint)place;
            if (_layout.Peak > _size)
                Refuse($"it takes a block of {bytes} bytes");
        }
        _taken.Add(address, place);
        return address;
    }

    /// <summary>Takes note that a block was given back; false where it is none of the recording, and is to be given back for good.</summary>
    public bool Return(nint address)
    {
        if (!_taken.Remove(address, out long place))
        {
            Refuse("it gives back memory that it did not take");
            return false;
        }
        _layout.Return(place);
        return Stream is not null;
    }

    /// <summary>After the first run: what was taken must have been given back.</summary>
    public void EndRun()
    {
        if (_layout.Count > 0)
            Refuse("it keeps memory that it took");
    }
}
