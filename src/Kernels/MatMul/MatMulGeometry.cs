namespace Graft.Kernels;

/// <summary>
/// Sizes of a batched matrix product. Each matrix a is [M,K] (stored [K,M] with <see cref="TransposeA"/>), b [K,N] (stored
/// [N,K] with <see cref="TransposeB"/>), y [M,N].
/// </summary>
/// <param name="M">Rows of y.</param>
/// <param name="N">Columns of y.</param>
/// <param name="K">Length of the sums.</param>
/// <param name="TransposeA">a is stored transposed.</param>
/// <param name="TransposeB">b is stored transposed.</param>
/// <param name="BatchOfA">For each matrix of y in order, the index of the matrix of a that it is made of: broadcasting.</param>
/// <param name="BatchOfB">The same for b.</param>
/// <param name="CountA">Matrices in a.</param>
/// <param name="CountB">Matrices in b.</param>
public readonly record struct MatMulGeometry(
    int M, int N, int K, bool TransposeA, bool TransposeB, int[] BatchOfA, int[] BatchOfB, int CountA, int CountB)
{
    /// <summary>Matrices in y.</summary>
    public int Batch => BatchOfA.Length;

    /// <summary>Multiplications and additions of one forward run.</summary>
    public long Flops => 2L * Batch * M * N * K;
}
