namespace Graft.Kernels.Cpu;

/// <summary>The operands of one matrix product; see <see cref="Gemm"/>. Strides count floats.</summary>
internal unsafe struct GemmProduct
{
    public int TileId;
    public bool TransA, TransB;
    public int M, N, K;
    public float* A, B, C;
    public nint Lda, Ldb, Ldc;

    /// <summary>Where each sum starts: null for zero, else [m,n] with <see cref="StartStride"/> from row to row (0: one row for all).</summary>
    public float* Start;
    public nint StartStride;

    public readonly GemmTile Tile => GemmTile.All[TileId];

    /// <summary>Multiply-adds of the whole product.</summary>
    public readonly long Work => (long)M * N * K;
}
