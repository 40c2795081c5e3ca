namespace Graft.Kernels.Cuda;

/// <summary>Places of blocks in one stretch of memory: each at the lowest place that is free when it is taken. The same sequence of calls gives the same places.</summary>
internal sealed class ScratchLayout
{
    private const int Alignment = 256; // bytes, as cuBLAS and cuDNN want their workspaces

    private readonly SortedList<long, long> _ends = []; // of the blocks that are taken, by their beginnings

    /// <summary>Bytes that all blocks together needed at most.</summary>
    public long Peak { get; private set; }

    /// <summary>Blocks that are taken.</summary>
    public int Count => _ends.Count;

    /// <summary>Gives a block its place.</summary>
    public long Take(long bytes)
    {
        long size = Math.Max(1, (bytes + Alignment - 1) / Alignment) * Alignment, place = 0;
        foreach ((long start, long end) in _ends)
        {
            if (place + size <= start)
                break; // fits into the gap before it
            place = end;
        }
        _ends.Add(place, place + size);
        Peak = Math.Max(Peak, place + size);
        return place;
    }

    /// <summary>Takes a block out again; false where none begins there.</summary>
    public bool Return(long place) => _ends.Remove(place);
}
