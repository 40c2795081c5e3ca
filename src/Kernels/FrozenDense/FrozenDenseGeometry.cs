namespace Graft.Kernels;

/// <summary>Sizes of a dense layer with frozen weights and its epilogue: x [M,K], w [K,O], b [O], residual and y [M,O].</summary>
/// <param name="M">Rows.</param>
/// <param name="K">Inputs.</param>
/// <param name="O">Outputs.</param>
/// <param name="Activation">Applied after bias and residual; null for none. It takes no parameters.</param>
public readonly record struct FrozenDenseGeometry(int M, int K, int O, UnaryFormula? Activation = null);
