namespace Graft.Kernels.Cpu;

/// <summary>What a register tile does to its sums before it stores them: c = min(max(sum + add, low), high). A NaN stays NaN.</summary>
internal unsafe struct TileEpilogue
{
    /// <summary>Added row by row, <see cref="AddStride"/> floats apart; null: nothing.</summary>
    public float* Add;
    public nint AddStride;
    public float Low, High;
}
