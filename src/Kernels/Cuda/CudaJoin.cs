using System.Numerics;

namespace Graft.Kernels.Cuda;

/// <summary>How blocks of 256 threads join the segments of sums, as join_segments of Columns.cuh has it: 1 &lt;&lt; Log sums a block.</summary>
/// <param name="Log">The logarithm of the sums of a block, at most 3: 64 neighbouring bytes, and many blocks for few sums.</param>
/// <param name="Blocks">Blocks that cover all sums.</param>
internal readonly record struct CudaJoin(int Log, long Blocks)
{
    private const int MostLog = 3;

    /// <summary>For a number of sums.</summary>
    public static CudaJoin Of(long sums)
    {
        int log = Math.Min(MostLog, BitOperations.Log2((ulong)Math.Max(1, sums)));
        return new CudaJoin(log, (sums + (1L << log) - 1) >> log);
    }
}
