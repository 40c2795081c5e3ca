namespace Graft.Kernels;

/// <summary>Sizes of a dense layer: x [N,I], w [I,O], b [O], y [N,O].</summary>
/// <param name="N">Rows: the product of all axes of x but the last.</param>
/// <param name="I">Input features.</param>
/// <param name="O">Output features.</param>
public readonly record struct DenseGeometry(int N, int I, int O)
{
    /// <summary>Multiplications and additions of one forward run.</summary>
    public long Flops => 2L * N * I * O;
}
