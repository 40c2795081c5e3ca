namespace Graft.Kernels.Cpu;

/// <summary>What a register tile does to its sums before it stores them: c = min(max(sum + add, low), high). A NaN stays NaN.</summary>
internal unsafe struct TileEpilogue
{
    /// <summary>Added row by row, <see cref="AddStride"/> floats apart; null: nothing.</summary>
    public float* Add;
    public nint AddStride;
    public float Low, High;

    /// <summary>
    /// True to ask for c's lines before the sums are made: stores to lines that are not in the cache drain slowly. Where sums are short
    /// and memory is the limit, it costs more than it gives.
    /// </summary>
    public bool FetchOutput;
}
