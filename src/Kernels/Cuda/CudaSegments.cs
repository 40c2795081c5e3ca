namespace Graft.Kernels.Cuda;

/// <summary>A long sum cut into segments, each for a block of its own, where there are too few sums to fill a GPU. Decided by sizes alone, as the order of a sum is.</summary>
/// <param name="Count">Segments, at least 1.</param>
/// <param name="Length">Elements of each but the last.</param>
internal readonly record struct CudaSegments(int Count, long Length)
{
    private const int ManyBlocks = 1024; // fill any GPU
    private const int Most = 1024;

    /// <summary>Segments of <paramref name="length"/> elements.</summary>
    /// <param name="length">Elements of one sum.</param>
    /// <param name="blocks">Blocks that there are without segments.</param>
    /// <param name="shortest">Elements that are worth a block.</param>
    public static CudaSegments Of(long length, long blocks, int shortest)
    {
        long wanted = Math.Min((ManyBlocks + blocks - 1) / Math.Max(blocks, 1), (length + shortest - 1) / shortest);
        long each = Math.Max(1, (length + Math.Clamp(wanted, 1, Most) - 1) / Math.Clamp(wanted, 1, Most));
        return new CudaSegments((int)Math.Max(1, (length + each - 1) / each), each);
    }
}
