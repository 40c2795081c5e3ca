namespace Graft.Kernels;

/// <summary>A function of two numbers.</summary>
public enum BinaryFormula
{
    /// <summary>a + b.</summary>
    Add,

    /// <summary>a - b.</summary>
    Subtract,

    /// <summary>a · b.</summary>
    Multiply,

    /// <summary>a / b.</summary>
    Divide,

    /// <summary>The larger; equals share the gradient in halves, as in PyTorch.</summary>
    Maximum,

    /// <summary>The smaller; equals share the gradient in halves, as in PyTorch.</summary>
    Minimum,
}
