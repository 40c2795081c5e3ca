namespace Graft.Kernels;

/// <summary>Functions of two numbers.</summary>
public enum BinaryFormula
{
    /// <summary>a + b.</summary>
    Add,

    /// <summary>a - b.</summary>
    Subtract,

    /// <summary>a b.</summary>
    Multiply,

    /// <summary>a / b.</summary>
    Divide,

    /// <summary>The larger; where both are equal each gets half of the gradient, as in torch.</summary>
    Maximum,

    /// <summary>The smaller; where both are equal each gets half of the gradient, as in torch.</summary>
    Minimum,

    /// <summary>a above 0, else a b: PReLU with slope b. At 0 the slope in a is b. He et al. 2015, arXiv:1502.01852.</summary>
    PReLU,
}
