namespace Graft.Kernels;

/// <summary>A formula, its attributes and the number of elements.</summary>
public readonly record struct UnaryGeometry(UnaryFormula Formula, long Count, float Alpha, float Beta)
{
    /// <summary>True where the derivative is computed from the output: forward may then run in place and x is not kept.</summary>
    public bool DerivesFromOutput => Formula is UnaryFormula.ReLU or UnaryFormula.ReLUMax or UnaryFormula.Sigmoid or UnaryFormula.Tanh
        or UnaryFormula.Exp or UnaryFormula.Sqrt or UnaryFormula.Rsqrt or UnaryFormula.Reciprocal;
}
